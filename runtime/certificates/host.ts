import { err, ok, type Result } from "../result.ts";

/** Under what a server is reached. `text` is as it stands in a URL, without the brackets of IPv6. */
export type Host =
  | { readonly kind: "name"; readonly text: string }
  /** 4 or 16 bytes. */
  | { readonly kind: "address"; readonly text: string; readonly bytes: Uint8Array };

export interface BadHost {
  readonly kind: "badHost";
  readonly text: string;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME_CHARS_MAX = 253;

/** A DNS name in its ASCII form (RFC 1123 section 2.1; no wildcards, no final dot), an IPv4 address, or an IPv6 one without a zone. */
export function parseHost(text: string): Result<Host, BadHost> {
  const bad = err({ kind: "badHost", text } as const);
  if (text.length > NAME_CHARS_MAX) return bad;
  const address = text.includes(":") ? v6(text) : v4(text);
  if (address !== null) return ok({ kind: "address", ...address });
  const labels = text.toLowerCase().split(".");
  // A last label of digits would be taken for an address somewhere (RFC 3696 section 2).
  const isName = labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? "");
  return isName ? ok({ kind: "name", text: labels.join(".") }) : bad;
}

function v4(text: string): { readonly text: string; readonly bytes: Uint8Array } | null {
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.(?!$)|$)){4}$/.test(text)) return null;
  const numbers = text.split(".").map(Number);
  return numbers.every((number) => number < 256) ? { text, bytes: Uint8Array.from(numbers) } : null;
}

function v6(text: string): { readonly text: string; readonly bytes: Uint8Array } | null {
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]`)) return null;
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1); // RFC 5952, and no dots
  const [head = "", tail] = short.split("::");
  const groups = (part: string): readonly string[] => part.split(":").filter((group) => group !== "");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros: string[] = new Array(8 - before.length - after.length).fill("0");
  const bytes = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return { text: short, bytes: Uint8Array.from(bytes.flatMap((group) => [group >> 8, group & 0xff])) };
}

/** As it stands in a URL. */
export const inUrl = (host: Host): string =>
  host.kind === "address" && host.bytes.length === 16 ? `[${host.text}]` : host.text;

export const explainHost = ({ text }: BadHost): string =>
  `${JSON.stringify(text)} is neither a host name (letters, digits, "-" and ".") nor an IP address`;
