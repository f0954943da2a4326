import { err, ok, type Result } from "../result.ts";
import { decodeBase64 } from "./base64.ts";
import { limits } from "./limits.ts";

/** One block of a PEM file (RFC 7468): `label` is what stands behind BEGIN, such as `CERTIFICATE`. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
  /** True for a block with header lines (`Proc-Type: 4,ENCRYPTED`, RFC 1421); its `bytes` are then of no use. */
  readonly encrypted: boolean;
}

/** `line` counts from 1. */
export type PemFault =
  | { readonly kind: "tooLarge"; readonly max: number }
  | { readonly kind: "tooManyBlocks"; readonly max: number }
  | { readonly kind: "noEnd"; readonly line: number }
  | { readonly kind: "noBase64"; readonly line: number };

const BEGIN = "-----BEGIN ";
const LABEL = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,62}[A-Z0-9])-----[ \t\r]*$/;
const FIRST_LINE_CHARS_MAX = 128;

/**
 * All blocks of a PEM file. Text between them is skipped, as `openssl x509 -text` writes it; a broken block refuses the whole file.
 * Linear in the length of the text.
 */
export function readPem(text: string): Result<readonly PemBlock[], PemFault> {
  if (text.length > limits.pemBytesMax) return err({ kind: "tooLarge", max: limits.pemBytesMax });
  const blocks: (PemBlock & { readonly end: number })[] = [];
  let lines = 0;
  for (let begin = nextBegin(text, 0); begin >= 0; ) {
    const label = LABEL.exec(lineAt(text, begin))?.[1];
    let end = begin + BEGIN.length;
    lines += 1;
    if (lines > limits.pemBlocksMax) return err({ kind: "tooManyBlocks", max: limits.pemBlocksMax });
    if (label !== undefined) {
      const block = readBlock(text, begin, label);
      if (!block.ok) return err({ kind: block.error, line: lineNumber(text, begin) });
      blocks.push(block.value);
      end = block.value.end;
    }
    begin = nextBegin(text, end);
  }
  return ok(blocks.map(({ label, bytes, encrypted }) => ({ label, bytes, encrypted })));
}

/** Where the next line that starts with BEGIN is; -1: there is none. */
function nextBegin(text: string, from: number): number {
  if (from === 0 && text.startsWith(BEGIN)) return 0;
  const at = text.indexOf(`\n${BEGIN}`, Math.max(0, from - 1));
  return at < 0 ? -1 : at + 1;
}

/** The rest of a line, or as much of it as matters. */
const lineAt = (text: string, at: number): string => text.slice(at, at + FIRST_LINE_CHARS_MAX).split("\n", 1)[0] ?? "";

function readBlock(
  text: string,
  begin: number,
  label: string,
): Result<PemBlock & { readonly end: number }, "noEnd" | "noBase64"> {
  const closing = `\n-----END ${label}-----`;
  const closes = text.indexOf(closing, begin);
  const end = closes + closing.length;
  const body = closes < 0 ? "" : text.slice(text.indexOf("\n", begin), closes);
  if (closes < 0 || body.includes(`\n${BEGIN}`) || lineAt(text, end).trim() !== "") return err("noEnd");
  const encrypted = body.includes(":");
  const bytes = encrypted ? new Uint8Array() : decodeBase64(withoutSpace(body));
  if (bytes === null || (bytes.length === 0 && !encrypted)) return err("noBase64");
  return ok({ label, bytes, encrypted, end });
}

/** In a loop of its own: a pattern takes forty times as long where each character is a line, as no tool writes it. */
function withoutSpace(body: string): string {
  const kept = new Uint8Array(body.length);
  let length = 0;
  for (let at = 0; at < body.length; at += 1) {
    const code = body.charCodeAt(at);
    if (code === 0x0a || code === 0x0d || code === 0x20 || code === 0x09) continue;
    kept[length] = Math.min(code, 0x7f); // what is not ASCII stays something that base64 has not
    length += 1;
  }
  return Buffer.from(kept.subarray(0, length)).toString("latin1");
}

/** Counted from 1. */
function lineNumber(text: string, at: number): number {
  let lines = 1;
  for (let next = text.indexOf("\n"); next >= 0 && next < at; next = text.indexOf("\n", next + 1)) lines += 1;
  return lines;
}

/** The text of one block, in lines of 64 characters. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

export function explainPem(fault: PemFault): string {
  switch (fault.kind) {
    case "tooLarge":
      return `it has more than ${fault.max} bytes`;
    case "tooManyBlocks":
      return `it has more than ${fault.max} PEM blocks`;
    case "noEnd":
      return `the PEM block that begins in line ${fault.line} has no end`;
    case "noBase64":
      return `the PEM block that begins in line ${fault.line} is no base64`;
  }
}
