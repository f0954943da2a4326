/** What packets of TCP were carried for: the bytes of one direction, each counted once. */

export interface Tally {
  /** Packets that carry nothing: acknowledgements, probes, farewells. */
  readonly bare: number;
  /** Packets that begin a connection. */
  readonly opening: number;
  /** IP and TCP in front of content, of which some at least is new. */
  readonly headers: number;
  /** TLS and what is in it, for the first time. */
  readonly content: number;
  /** UDP, whatever is in it. */
  readonly datagrams: number;
  /** What has been carried before, and packets of nothing else. */
  readonly again: number;
  /** Of all these, what was sent while nothing got through. */
  readonly inVain: number;
  readonly connections: number;
}

export const bytesOf = ({ bare, opening, headers, content, datagrams, again }: Tally): number =>
  bare + opening + headers + content + datagrams + again;

/** What has come on top. */
export const less = (now: Tally, before: Tally): Tally => ({
  bare: now.bare - before.bare,
  opening: now.opening - before.opening,
  headers: now.headers - before.headers,
  content: now.content - before.content,
  datagrams: now.datagrams - before.datagrams,
  again: now.again - before.again,
  inVain: now.inVain - before.inVain,
  connections: now.connections - before.connections,
});

const [TCP, UDP] = [6, 17];
const SYN = 0x02;

export class Tallier {
  private bare = 0;
  private opening = 0;
  private headers = 0;
  private content = 0;
  private datagrams = 0;
  private again = 0;
  private inVain = 0;
  private connections = 0;
  /** By ports of both ends. */
  private readonly seen = new Map<number, Seen>();

  /** One packet of IPv4 (RFC 791) with TCP or UDP in it; others count as bare. */
  count(packet: Uint8Array, inVain: boolean): void {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    if (inVain) this.inVain += packet.length;
    const ipBytes = (view.getUint8(0) & 0x0f) * 4;
    if (view.getUint8(9) === UDP) {
      this.datagrams += packet.length;
      return;
    }
    if (view.getUint8(9) !== TCP) {
      this.bare += packet.length;
      return;
    }
    const headerBytes = ipBytes + (view.getUint8(ipBytes + 12) >>> 4) * 4;
    const contentBytes = packet.length - headerBytes;
    if ((view.getUint8(ipBytes + 13) & SYN) !== 0) {
      this.opening += packet.length;
      this.connections += 1;
      return;
    }
    if (contentBytes === 0) {
      this.bare += packet.length;
      return;
    }
    const ports = view.getUint32(ipBytes);
    const seen = this.seen.get(ports) ?? new Seen(view.getUint32(ipBytes + 4));
    this.seen.set(ports, seen);
    const fresh = seen.add(view.getUint32(ipBytes + 4), contentBytes);
    this.headers += fresh > 0 ? headerBytes : 0;
    this.content += fresh;
    this.again += contentBytes - fresh + (fresh > 0 ? 0 : headerBytes);
  }

  get tally(): Tally {
    const { bare, opening, headers, content, datagrams, again, inVain, connections } = this;
    return { bare, opening, headers, content, datagrams, again, inVain, connections };
  }
}

/** Which bytes of a stream were there. */
class Seen {
  /** From the first byte on, in order and apart from each other. */
  private ranges: (readonly [from: number, to: number])[] = [];

  /** `first`: the sequence number (RFC 9293 section 3.4) from which on it is counted. */
  constructor(private readonly first: number) {}

  /** The value is how many of these are new. */
  add(sequence: number, bytes: number): number {
    let from = (sequence - this.first) | 0; // it wraps, and may be of before
    let to = from + bytes;
    let known = 0;
    const apart: (readonly [number, number])[] = [];
    for (const range of this.ranges) {
      if (range[1] < from || to < range[0]) {
        apart.push(range);
        continue;
      }
      known += Math.max(0, Math.min(to, range[1]) - Math.max(from, range[0]));
      [from, to] = [Math.min(from, range[0]), Math.max(to, range[1])];
    }
    this.ranges = [...apart, [from, to] as const].sort((a, b) => a[0] - b[0]);
    return bytes - known;
  }
}
