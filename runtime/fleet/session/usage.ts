import type { Socket } from "node:net";
import { closeFd, duplicate, tcpUsage } from "../../linux/index.ts";
import { invariant } from "../../result.ts";
import { descriptorOf } from "./descriptor.ts";

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

export interface Usage {
  /** {@link bytesOfIp} so far. */
  readonly bytes: number;
  /** No more is counted. */
  close(): void;
}

/**
 * Counts what a socket carries from its first packet to its last: what ends a connection, such as a certificate of somebody else, comes
 * when the socket has no descriptor any more, so that another one is kept.
 */
export function countUsage(socket: Socket): Usage {
  let bytes = 0;
  let kept: number | null = null;
  let family: string | undefined;
  let closed = false;
  const count = (): void => {
    const fd = kept ?? descriptorOf(socket);
    if (fd !== null && !closed) bytes = Math.max(bytes, bytesOfIp(fd, { remoteFamily: family ?? socket.remoteFamily }));
  };
  socket.once("connect", () => {
    const fd = descriptorOf(socket);
    const copy = fd === null || closed ? null : duplicate(fd);
    if (copy?.ok === true) kept = copy.value;
    family = socket.remoteFamily;
  });
  return {
    get bytes() {
      count();
      return bytes;
    },
    close() {
      if (closed) return;
      count();
      closed = true;
      if (kept !== null) closeFd(kept);
    },
  };
}
