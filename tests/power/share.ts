/** One worker of `make proof-power`: replays its share of the cuts in its own mount namespace; says one JSON line for each. */
import { join } from "node:path";
import * as v from "valibot";
import { repository } from "../qemu/host.ts";
import { arches } from "../qemu/index.ts";
import { bootImage } from "./boot-image.ts";
import { recordingOf } from "./record.ts";
import { replay } from "./replay.ts";
import { makeStory } from "./story.ts";

/** What a worker is told, as JSON in its only argument. */
export const Share = v.object({
  arch: v.picklist(arches),
  seed: v.number(),
  count: v.number(),
  index: v.number(),
  of: v.number(),
  /** Every so many-th image boots; 0: none. */
  bootEvery: v.number(),
  /** Only this cut; null: all. */
  only: v.nullable(v.number()),
  /** Cuts before this one were looked at by another run. */
  from: v.number(),
});
export type Share = v.InferOutput<typeof Share>;

const SHARE_BLOCK = 50;

/** What it says. */
export const Line = v.object({
  number: v.number(),
  name: v.string(),
  problems: v.array(v.string()),
  booted: v.boolean(),
});
export type Line = v.InferOutput<typeof Line>;

if (import.meta.main) {
  const share = v.parse(v.pipe(v.string(), v.parseJson(), Share), process.argv[2]);
  const { arch, seed, count, index, of } = share;
  const story = await makeStory(arch);
  const path = join(repository, "build/power", arch, `boots-${index}.img`);
  // In blocks, so that the boots, which take longest, fall to all workers alike.
  const wanted = (number: number): boolean =>
    share.only === null
      ? number >= share.from && Math.floor(number / SHARE_BLOCK) % of === index
      : number === share.only;
  const spec = { arch, recording: recordingOf(arch), seed, count, wanted, scratch: "/mnt" };
  await replay(spec, async ({ number, cut, image, problems }) => {
    const booted = share.bootEvery > 0 && number % share.bootEvery === 0;
    const failure = booted ? await bootImage(story, image, path, `power-cut-${number}`) : null;
    const line: Line = {
      number,
      name: cut.name,
      problems: [...problems, ...(failure === null ? [] : [failure])],
      booted,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  });
}
