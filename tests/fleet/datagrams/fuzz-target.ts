/** Mutants of datagrams, as whoever knows an address sends them, and of what is sealed in a request, as a device that knows the key may. */
import { createCipheriv } from "node:crypto";
import {
  BLOCK_BYTES,
  blockDatagram,
  cookieDatagram,
  idOf,
  keysOf,
  RUNS_MAX,
  readBlock,
  readCookie,
  readRequest,
  requestDatagram,
} from "../../../runtime/fleet/sealed/index.ts";
import { asBytes, mutantBytes } from "../../fuzz/bytes.ts";
import { withPlanted } from "../../signatures/fuzz-targets.ts";

const keys = keysOf(new Uint8Array(16).fill(7));
const cookie = new Uint8Array(4).fill(9);
const genuine = [
  requestDatagram(keys, { cookie: null, runs: [{ from: 0, count: 8 }] }),
  requestDatagram(keys, {
    cookie,
    runs: [
      { from: 3, count: 1 },
      { from: 9, count: 7 },
    ],
  }),
  cookieDatagram(keys, cookie),
  blockDatagram(keys, 0, new Uint8Array(BLOCK_BYTES).fill(1)),
  blockDatagram(keys, 70_000, Uint8Array.of(1, 2, 3)),
];
const plain = [Buffer.concat([cookie, Buffer.from("000000080000ff01", "hex")]), Buffer.alloc(4), Buffer.alloc(68)];

/** As `requestDatagram` seals it. */
function sealed(bytes: Uint8Array): Uint8Array {
  const head = Buffer.concat([Uint8Array.of(1), keys.id, new Uint8Array(8)]);
  const cipher = createCipheriv("aes-128-gcm", keys.request, new Uint8Array(12), { authTagLength: 12 });
  cipher.setAAD(head);
  return Buffer.concat([head, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
}

const ours = new WeakSet<Uint8Array>();
const isGenuine = (bytes: Uint8Array): boolean =>
  ours.has(bytes) || genuine.some((one) => Buffer.from(one).equals(bytes));

export const datagramTarget = withPlanted({
  name: "datagram",
  draw: (dice) => {
    if (dice.roll(2) === 0) return dice.roll(100) === 0 ? dice.pick(genuine) : mutantBytes(dice, genuine);
    const bytes = sealed(mutantBytes(dice, plain));
    ours.add(bytes);
    return bytes;
  },
  read: (input) => {
    const bytes = asBytes(input);
    idOf(bytes);
    const request = readRequest(keys, bytes);
    const others = [readCookie(keys, bytes), readBlock(keys, bytes)].filter((one) => one !== null);
    return () => {
      if (request === null && others.length === 0) return "refused";
      if (!isGenuine(bytes)) return "accepted";
      if (request === null) return "fine";
      const isSane =
        request.runs.length <= RUNS_MAX && request.runs.every(({ from, count }) => from < 2 ** 24 && count < 256);
      return isSane ? "fine" : "inexact";
    };
  },
});
