/** Mutants of patches, applied as a device applies them. */
import { PatchError } from "../../runtime/patch/index.ts";
import { asBytes, mutantBytes } from "../fuzz/bytes.ts";
import { explained, type Target } from "../fuzz/campaign.ts";
import {
  applied,
  brotli,
  inMemory,
  number,
  patchOf,
  section,
  shiftedPatchOf,
  signed,
  stored,
  zstd,
} from "./by-hand.ts";

const BASE = Buffer.alloc(3000, "what stands in the base ");
const OBJECT_BYTES = 1000;
const sizes = { object: OBJECT_BYTES, base: BASE.length };
const news = Buffer.alloc(400, "and what is new ");
const steps = Uint8Array.from([
  ...number(100),
  ...number(300),
  ...signed(50),
  ...number(300),
  ...number(300),
  ...signed(-200),
]);
const [gaps, differences] = [
  [7, 0, 250],
  [1, 2, 255],
];

const CORPUS = [
  patchOf(sizes, section([...steps], gaps, differences, [...news])),
  patchOf(sizes, [...zstd(steps), ...stored(gaps), ...stored(differences), ...zstd(news)]),
  patchOf(sizes, [...brotli(steps), ...stored(gaps), ...stored(differences), ...brotli(news)]),
  shiftedPatchOf(
    sizes,
    [
      [1, 700, 0, 0x2000_0000, 0x5000_0000, 4],
      [9, 100, 3, 0, 2 ** 32, -9],
    ],
    section([...steps], gaps, differences, [...news]),
  ),
  patchOf({ object: OBJECT_BYTES, base: null }, section([...number(400), 0], [], [], [...news]), [
    ...stored([...number(600), 0]),
    0,
    0,
    ...zstd(Buffer.alloc(600)),
  ]),
];

export const patchTarget: Target = {
  name: "patch",
  draw: (dice) => mutantBytes(dice, CORPUS),
  read: async (input) => {
    try {
      const object = await applied(asBytes(input), inMemory(BASE), OBJECT_BYTES);
      return () => (object.length === OBJECT_BYTES ? "fine" : "inexact");
    } catch (thrown) {
      if (!(thrown instanceof PatchError)) throw thrown;
      return () => explained(thrown.message);
    }
  },
  planted: [
    [
      "inexact",
      {
        name: "patch, cut",
        draw: (dice) => mutantBytes(dice, CORPUS),
        read: async (input) => {
          try {
            const object = await applied(asBytes(input), inMemory(BASE), OBJECT_BYTES);
            return () => (object.subarray(1).length === OBJECT_BYTES ? "fine" : "inexact");
          } catch {
            return () => "refused";
          }
        },
        planted: [],
      },
    ],
  ],
};
