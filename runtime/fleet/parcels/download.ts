import { type Address, inUrl } from "../../address.ts";
import { viaProxy } from "../proxy/index.ts";

/** Where parcels are, and what of one is wanted. */
export interface Download extends Address {
  /** Null: there is a direct way. */
  readonly proxy?: Address | null;
  /** PEM: only a server with a certificate of this authority is asked. */
  readonly authority: string;
  readonly key: Uint8Array;
  /** Of the parcel, as hexadecimal digits: another one is not taken. */
  readonly digest: string;
  readonly from: number;
  readonly bytes: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly setTimer: (ms: number, fire: () => void) => () => void;
}

/** Without a byte for so long it is given up. */
const QUIET_MS = 60_000;
const CHUNK_BYTES = 16 * 1024;
const PARTIAL = 206;

/** Those bytes of a parcel (`GET /parcels/<key>` with a range, RFC 9110 section 14). Throws when they do not come; what came before is good. */
export async function* download(what: Download): AsyncGenerator<Uint8Array> {
  const { proxy = null, authority, key, digest, from, bytes, signal, setTimer } = what;
  const quiet = new AbortController();
  let stopTimer = (): void => {};
  const wait = (): void => {
    stopTimer();
    stopTimer = setTimer(QUIET_MS, () => quiet.abort());
  };
  wait();
  try {
    const name = Buffer.from(key).toString("hex");
    const response = await fetch(`https://${inUrl(what)}/parcels/${name}`, {
      headers: {
        range: `bytes=${from}-${from + bytes - 1}`,
        "if-range": `"${digest}"`,
        "accept-encoding": "identity",
      },
      redirect: "error",
      keepalive: false,
      signal: AbortSignal.any([signal, quiet.signal]),
      tls: { ca: authority, rejectUnauthorized: true },
      ...viaProxy(proxy),
    });
    const range = response.headers.get("content-range") ?? "";
    if (response.status !== PARTIAL || !range.startsWith(`bytes ${from}-${from + bytes - 1}/`)) {
      await response.body?.cancel();
      throw new Error(`the hub answers with status ${response.status} and range ${range}`);
    }
    let left = bytes;
    for await (const part of response.body ?? []) {
      wait();
      if (part.length > left) throw new Error("the hub sends more than was asked for");
      left -= part.length;
      for (let at = 0; at < part.length; at += CHUNK_BYTES) yield part.subarray(at, at + CHUNK_BYTES);
    }
  } finally {
    stopTimer();
  }
}
