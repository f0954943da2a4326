import type { Caps } from "./account.ts";

/** Where bytes cost nothing, and where so many are a small part of what there is. */
const MOST = 64 << 10;
/** Of the smallest cap: a thousandth of it in four such buffers. */
const PART = 4_000;

/**
 * How many bytes the kernel is asked to take in while nobody reads (SO_RCVBUF), which is what decides how far beyond its caps a link goes when
 * somebody sends as fast as the network carries it. With B such bytes, packets of 1,500 and payload P in each (1,448), that is at most
 *
 *     4 B + ⌈4 B / P⌉ × 104 bytes
 *
 * - All that has come is counted after each read, before anybody looks at it, and when nothing is left the connection is closed. Let there
 *   be something left, for the last time.
 * - The kernel doubles B (socket(7)), from the first packet on, and keeps and offers no more than that: of what is not read yet, 2 B come.
 * - The next read makes room for 2 B again, and those may be there before it is counted, or come before the other end knows that nobody
 *   takes them any more.
 * - A packet has headers of 52 bytes, and is acknowledged with another 52; with IPv6 both have 20 more.
 *
 * So B is a quarter of the largest packet that is agreed on, and a day is passed by one of those; with caps so large that a thousandth of
 * them is more, by that. It is also what comes in a round trip at most, which is why it is not less. Not bounded is what nobody can refuse:
 * packets without payload, or with what has come already.
 */
export function unreadBytesMax({ dayBytes, monthBytes }: Caps, packetBytesMax: number): number {
  const smallest = Math.min(dayBytes ?? Number.POSITIVE_INFINITY, monthBytes ?? Number.POSITIVE_INFINITY);
  return Math.min(MOST, Math.floor(Math.max(packetBytesMax / 4, smallest / PART)));
}
