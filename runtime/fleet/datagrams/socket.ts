import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { Address } from "../../address.ts";

export interface DatagramSocket {
  /** Of each datagram: those of IP and UDP. */
  readonly headerBytes: number;
  send(datagram: Uint8Array): void;
  close(): void;
}

/** To one address, from which `heard` has all that comes. Throws when its name is not known. */
export type OpenDatagramSocket = (at: Address, heard: (datagram: Uint8Array) => void) => Promise<DatagramSocket>;

/** IPv4 (RFC 791) or IPv6 (RFC 8200), and UDP (RFC 768). */
export const HEADER_BYTES = { 4: 28, 6: 48 } as const;

/** Of the kernel. */
export const openDatagramSocket: OpenDatagramSocket = async ({ host, port }, heard) => {
  const { address } = await lookup(host);
  const socket = await Bun.udpSocket({
    connect: { hostname: address, port },
    socket: {
      data: (_, datagram) => heard(new Uint8Array(datagram)),
      // Somebody says that nobody is there (ICMP): silence says the same, and may end.
      error() {},
    },
  });
  return {
    headerBytes: HEADER_BYTES[isIPv6(address) ? 6 : 4],
    send: (datagram) => void socket.send(datagram),
    close: () => socket.close(),
  };
};
