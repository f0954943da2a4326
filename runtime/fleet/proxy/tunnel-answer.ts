import { type Address, inUrl } from "../../address.ts";
import { err, ok, type Result } from "../../result.ts";

/** Why a proxy gave no way through. */
export type TunnelFault =
  | { readonly kind: "unreachable"; readonly why: string }
  | { readonly kind: "refused"; readonly status: number }
  /** What it says is no answer of HTTP/1, has no end, or goes on behind it. */
  | { readonly kind: "garbage" }
  | { readonly kind: "silent"; readonly seconds: number };

/** One of common proxies has some hundred bytes. */
export const ANSWER_BYTES_MAX = 8 * 1024;
const END = "\r\n\r\n";
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?\r\n/;
const BEGINNING = "HTTP/1.";

/** What a proxy answers to CONNECT, as it comes. */
export class TunnelAnswer {
  private text = "";

  /** Null: there is more to come. Not to be asked again after anything else. */
  take(bytes: Uint8Array): Result<void, TunnelFault> | null {
    const room = ANSWER_BYTES_MAX + 1 - this.text.length; // one more than there may be, to see that there are too many
    this.text += Buffer.from(bytes.subarray(0, room)).toString("latin1");
    const end = this.text.indexOf(END);
    const mayGoOn = this.text.length <= ANSWER_BYTES_MAX && this.text.startsWith(BEGINNING.slice(0, this.text.length));
    if (end < 0 && mayGoOn) return null;
    const status = end < 0 ? 0 : Number(STATUS_LINE.exec(this.text)?.[1] ?? 0);
    const opens = status >= 200 && status <= 299;
    if (status !== 0 && !opens) return err({ kind: "refused", status });
    // Who is behind it waits for us to begin.
    return opens && mayGoOn && this.text.length === end + END.length ? ok(undefined) : err({ kind: "garbage" });
  }
}

export function explainTunnel(fault: TunnelFault, proxy: Address): string {
  const name = `the proxy ${inUrl(proxy)}`;
  switch (fault.kind) {
    case "unreachable":
      return `${name} cannot be reached: ${fault.why}`;
    case "refused":
      if (fault.status === 407) return `${name} wants a name and a password (status 407), and a device has none for it`;
      if (fault.status === 403) return `${name} does not let this device through (status 403): allow CONNECT there`;
      return `${name} did not connect this device (status ${fault.status})`;
    case "garbage":
      return `${name} answers what is no HTTP: is it a proxy?`;
    case "silent":
      return `${name} did not answer within ${fault.seconds} seconds`;
  }
}
