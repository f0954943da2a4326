import { expect, test } from "bun:test";
import fc from "fast-check";
import { handover } from "../../../runtime/fleet/trust/index.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const epoch = fc.nat(5);
const beacon = fc.record({ time: fc.nat(), epoch, nextKey: fc.option(key) });

test("keys change only by the newest of them, by one epoch, and then there is one", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(epoch, key), { minLength: 1 }), epoch, beacon, (entries, signed, said) => {
      const keys = new Map(entries);
      const next = handover(keys, signed, said);
      const newest = Math.max(...keys.keys());
      const may = said.nextKey !== null && signed === newest && said.epoch === newest;
      expect(next).toEqual(may && said.nextKey !== null ? new Map([[newest + 1, said.nextKey]]) : null);
      expect(keys).toEqual(new Map(entries));
    }),
  );
});
