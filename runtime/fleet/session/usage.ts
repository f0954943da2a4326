import type { Socket } from "node:net";
import { tcpUsage } from "../../linux/index.ts";
import { invariant } from "../../result.ts";

/** A packet's headers: IPv4 20 bytes (RFC 791), IPv6 40 (RFC 8200), TCP 20 (RFC 9293) and 12 for the time stamps (RFC 7323). */
const HEADERS = { IPv4: 52, IPv6: 72 } as const;

/** Bytes of IP and up that a connection has carried, both directions together. */
export function bytesOfIp(fd: number, { remoteFamily }: Pick<Socket, "remoteFamily">): number {
  const usage = tcpUsage(fd);
  invariant(usage.ok, "the kernel tells what an open socket has carried");
  const { bytesSent, bytesReceived, segmentsOut, segmentsIn } = usage.value;
  const headers = HEADERS[remoteFamily === "IPv6" ? "IPv6" : "IPv4"];
  return bytesSent + bytesReceived + headers * (segmentsOut + segmentsIn);
}
