import { expect, test } from "bun:test";
import { bytesOf, Tallier } from "./tally.ts";

const [IP, TCP] = [20, 32];
const [SYN, ACK] = [0x02, 0x10];

function packet(sequence: number, contentBytes: number, flags = ACK): Uint8Array {
  const bytes = new Uint8Array(IP + TCP + contentBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x45);
  view.setUint8(9, 6);
  view.setUint32(IP, 0x22b3_c001);
  view.setUint32(IP + 4, sequence);
  view.setUint8(IP + 12, (TCP / 4) << 4);
  view.setUint8(IP + 13, flags);
  return bytes;
}

test("each byte is counted for what it was carried for", () => {
  const tallier = new Tallier();
  const first = 2 ** 32 - 150; // it wraps
  tallier.count(packet(first - 1, 0, SYN), false);
  tallier.count(packet(first, 0), false);
  tallier.count(packet(first, 100), false);
  tallier.count(packet(first + 200, 100), false); // one between was lost
  tallier.count(packet(first + 100, 100), true);
  tallier.count(packet(first + 50, 300), false); // 250 have been there
  tallier.count(packet(first, 350), false);
  const datagram = packet(0, 60);
  datagram[9] = 17;
  tallier.count(datagram, false);
  const { tally } = tallier;
  expect(tally).toEqual({
    opening: 52,
    connections: 1,
    bare: 52,
    headers: 4 * 52,
    content: 350,
    datagrams: 112,
    again: 250 + 350 + 52,
    inVain: 152,
  });
  expect(bytesOf(tally)).toBe(7 * 52 + 100 + 100 + 100 + 300 + 350 + 112);
});
