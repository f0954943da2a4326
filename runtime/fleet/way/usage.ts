import { tcpUsage } from "../../linux/index.ts";
import { invariant } from "../../result.ts";

/** A packet's headers: IPv4 20 bytes (RFC 791), IPv6 40 (RFC 8200), TCP 20 (RFC 9293) and 12 for the time stamps (RFC 7323). */
const HEADERS = { 4: 52, 6: 72 } as const;

export interface Carried {
  /** Bytes of IP and up, both directions together. */
  readonly bytes: number;
  /** Smoothed; 0 before there was one. */
  readonly roundTripMs: number;
}

/** What a connection has carried so far. */
export function carriedBy(fd: number, family: keyof typeof HEADERS): Carried {
  const usage = tcpUsage(fd);
  invariant(usage.ok, "the kernel tells what an open socket has carried");
  const { bytesSent, bytesReceived, segmentsOut, segmentsIn, roundTripMs } = usage.value;
  return { bytes: bytesSent + bytesReceived + HEADERS[family] * (segmentsOut + segmentsIn), roundTripMs };
}
