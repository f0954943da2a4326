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

const LABEL = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,62}[A-Z0-9])-----$/;

/** All blocks of a PEM file. Text between them is skipped, as `openssl x509 -text` writes it; a broken block refuses the whole file. */
export function readPem(text: string): Result<readonly PemBlock[], PemFault> {
  if (text.length > limits.pemBytesMax) return err({ kind: "tooLarge", max: limits.pemBytesMax });
  const blocks: PemBlock[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const label = LABEL.exec((lines[at] ?? "").trim())?.[1];
    if (label === undefined) continue;
    if (blocks.length === limits.pemBlocksMax) return err({ kind: "tooManyBlocks", max: limits.pemBlocksMax });
    const begin = at;
    const body: string[] = [];
    const closing = `-----END ${label}-----`;
    for (at += 1; ; at += 1) {
      const line = lines[at]?.trim();
      if (line === undefined || line.startsWith("-----BEGIN ")) return err({ kind: "noEnd", line: begin + 1 });
      if (line === closing) break;
      body.push(line);
    }
    const encrypted = body.some((line) => line.includes(":"));
    const bytes = encrypted ? new Uint8Array() : decodeBase64(body.join(""));
    if (bytes === null || (bytes.length === 0 && !encrypted)) return err({ kind: "noBase64", line: begin + 1 });
    blocks.push({ label, bytes, encrypted });
  }
  return ok(blocks);
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
