import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { type KeptOutbox, openOutbox, outboxLimits } from "../../../runtime/fleet/outbox/index.ts";
import type { Leaf } from "../../../runtime/fleet/wire/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT } from "../../sim/power.ts";
import { emptyFolder, must, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const lasting = (leaf: Leaf, text: string) => ({ leaf, bytes: encoder.encode(text), lasting: true });
const fleeting = (leaf: Leaf, text: string) => ({ leaf, bytes: encoder.encode(text), lasting: false });

/** Everything that waits, in the order in which it goes. */
function taken(outbox: KeptOutbox): readonly string[] {
  const found: string[] = [];
  for (let letter = outbox.take(); letter !== null; letter = outbox.take())
    found.push(`${letter.leaf} ${decoder.decode(letter.bytes)}`);
  return found;
}

describe("the order", () => {
  test("how things stand goes first, and only as they stand last; then what happened, and log lines last", async () => {
    const outbox = must(await openOutbox(realDisk, emptyFolder()));
    for (const letter of [
      lasting("u/g", "lines"),
      lasting("u/r", "first"),
      fleeting("u/s", "old"),
      lasting("u/r", "second"),
      fleeting("u/s", "new"),
      fleeting("u/p", "half"),
    ])
      must(await outbox.put(letter));
    expect(outbox.bytes).toBe(Buffer.byteLength("linesfirstsecondnewhalf"));
    expect(taken(outbox)).toEqual(["u/s new", "u/p half", "u/r first", "u/r second", "u/g lines"]);
    expect(outbox.empty).toBe(false);
  });

  test("what did not arrive goes once more when the connection is gone; what did, does not", async () => {
    const outbox = must(await openOutbox(realDisk, emptyFolder()));
    for (const text of ["a", "b", "c"]) must(await outbox.put(lasting("u/r", text)));
    const [first, second] = [outbox.take(), outbox.take()];
    must(await outbox.arrived(second?.id ?? 0));
    outbox.interrupted();
    expect(taken(outbox)).toEqual(["u/r a", "u/r c"]);
    must(await outbox.arrived(first?.id ?? 0));
    outbox.interrupted();
    expect(taken(outbox)).toEqual(["u/r c"]);
  });
});

describe("the bounds", () => {
  test("of too many lasting letters the oldest make room, and are counted", async () => {
    const base = emptyFolder();
    const outbox = must(await openOutbox(realDisk, base));
    for (let count = 0; count < outboxLimits.lettersMax + 3; count += 1)
      must(await outbox.put(lasting("u/r", `${count}`)));
    expect(outbox.lost).toBe(3);
    expect(readdirSync(`${base}/outbox`)).toHaveLength(outboxLimits.lettersMax);
    expect(taken(outbox)[0]).toBe("u/r 3");
  });

  test("of too long ones, too", async () => {
    const outbox = must(await openOutbox(realDisk, emptyFolder()));
    must(await outbox.put(lasting("u/g", "x".repeat(outboxLimits.bytesMax - 1))));
    must(await outbox.put(lasting("u/r", "y")));
    expect(outbox.lost).toBe(0);
    must(await outbox.put(lasting("u/r", "z")));
    expect(taken(outbox)).toEqual(["u/r y", "u/r z"]);
  });

  test("log lines make room before anything that happened does", async () => {
    const outbox = must(await openOutbox(realDisk, emptyFolder()));
    must(await outbox.put(lasting("u/r", "oldest")));
    must(await outbox.put(lasting("u/g", "lines")));
    must(await outbox.put(lasting("u/g", "x".repeat(outboxLimits.bytesMax - 20))));
    must(await outbox.put(lasting("u/r", "y".repeat(10))));
    expect(taken(outbox).map((one) => one.slice(0, 5))).toEqual(["u/r o", "u/r y", "u/g x"]);
    must(await outbox.put(lasting("u/r", "z".repeat(100))));
    expect(outbox.lost).toBe(2);
  });

  test("fleeting letters take no room from lasting ones", async () => {
    const outbox = must(await openOutbox(realDisk, emptyFolder()));
    must(await outbox.put(lasting("u/r", "stays")));
    must(await outbox.put(fleeting("u/s", "x".repeat(outboxLimits.bytesMax + 1))));
    expect(outbox.lost).toBe(0);
  });
});

describe("after a restart", () => {
  test("lasting letters wait again in their order, fleeting ones are gone", async () => {
    const base = emptyFolder();
    const before = must(await openOutbox(realDisk, base));
    for (const letter of [lasting("u/r", "one"), fleeting("u/s", "gone"), lasting("u/g", "two")])
      must(await before.put(letter));
    const after = must(await openOutbox(realDisk, base));
    must(await after.put(lasting("u/r", "three")));
    must(await after.arrived(after.take()?.id ?? 0));
    expect(taken(after)).toEqual(["u/r three", "u/g two"]);
    expect(taken(must(await openOutbox(realDisk, base)))).toEqual(["u/r three", "u/g two"]);
  });

  test("what is no letter is removed, but no folder", async () => {
    const base = emptyFolder();
    mkdirSync(`${base}/outbox/folder`, { recursive: true });
    for (const name of ["000000000001.u.r.tmp", "1.u.r", "000000000007.u..r", "x"])
      writeFileSync(`${base}/outbox/${name}`, "");
    expect(must(await openOutbox(realDisk, base)).empty).toBe(true);
    expect(readdirSync(`${base}/outbox`)).toEqual(["folder"]);
  });
});

/** A device that is cut off again and again says things, and a hub hears some of them. */
const saysThings: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("storage"), power, { at: "/storage" });
  const draw = rng.fork("letters");
  const [promised, heard, said] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (let boot = 0; boot < 4; boot += 1) {
    const disk = storage.mount();
    const ended = await power.run(async () => {
      if (boot === 3) power.calm();
      const opened = await openOutbox(disk, "/storage");
      if (!opened.ok) return;
      for (let count = 0; count < 6; count += 1) {
        const text = `${boot}.${count}.${"x".repeat(draw.below(1_500))}`;
        said.add(text);
        const put = await opened.value.put(lasting("u/r", text));
        if (put.ok) promised.add(text);
        if (draw.chance(0.5) && boot < 3) {
          const letter = opened.value.take();
          if (letter === null) continue;
          heard.add(decoder.decode(letter.bytes));
          if (draw.chance(0.7)) await opened.value.arrived(letter.id);
        }
      }
      if (boot === 3) for (const line of taken(opened.value)) heard.add(line.slice("u/r ".length));
    });
    if (ended !== CUT) power.cut();
  }
  for (const text of promised) if (!heard.has(text)) throw new Error(`${text.slice(0, 8)} was promised and is lost`);
  for (const text of heard) if (!said.has(text)) throw new Error(`${text.slice(0, 8)} was never said`);
};

test("no cut and no error loses a letter that was put, or makes another of it", async () => {
  await mustHold("outbox", saysThings, { cut: 0.02, noSpace: 0.01, io: 0.01 }, seeds(2_000));
}, 60_000);
