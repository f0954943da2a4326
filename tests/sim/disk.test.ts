import { afterEach, describe, expect, test } from "bun:test";
import type { Result } from "../../runtime/result.ts";
import { type Disk, type DiskError, type DiskResult, realDisk } from "../../runtime/store/index.ts";
import { diskContract } from "../store/disk-contract.ts";
import { emptyFolder, removeFolders } from "../store/world.ts";
import { type DiskOptions, type SimulatedDisk, simulatedDisk } from "./disk.ts";
import { calm, Power } from "./power.ts";
import { newRng, type Rng } from "./rng.ts";

afterEach(removeFolders);

/** A disk on which nothing goes wrong. */
function calmDisk(seed = 1, options: DiskOptions = {}): SimulatedDisk {
  const rng = newRng(seed);
  return simulatedDisk(rng.fork("disk"), new Power(rng.fork("power"), calm), options);
}

describe.each(["ordered", "reordered"] as const)("Disk, simulated, %s", (order) =>
  diskContract(() => ({ disk: calmDisk(1, { order }).mount(), root: "" })),
);

/** One random call; the same draws give the same call on any disk. Names are few, so that calls meet. */
async function randomCall(rng: Rng, disk: Disk, root: string): Promise<unknown> {
  const path = (): string =>
    `${root}/${rng.pick(["a", "b", "c", "link", "a/x", "b/x", "c/y", "link/x", "a/x/z", "n".repeat(256)])}`;
  const said = async <T>(what: string, done: DiskResult<T>, value: (of: T) => unknown): Promise<unknown> =>
    shown(what, await done, value);
  const [one, other] = [path(), path()];
  const nothing = (): null => null;
  switch (rng.below(13)) {
    case 0:
      return said(`mkdir ${one}`, disk.mkdir("test", one, 0o755), nothing);
    case 1:
      return said(`rmdir ${one}`, disk.rmdir("test", one), nothing);
    case 2:
      return said(`rename ${one} ${other}`, disk.rename("test", one, other), nothing);
    case 3:
      return said(`exchange ${one} ${other}`, disk.exchange("test", one, other), nothing);
    case 4:
      return said(`link ${one} ${other}`, disk.link("test", one, other), nothing);
    case 5:
      return said(`symlink ${one}`, disk.symlink("test", rng.pick(["a", "b", "../b", "link", "none"]), one), nothing);
    case 6:
      return said(`readlink ${one}`, disk.readlink("test", one), (target) => target);
    case 7:
      return said(`unlink ${one}`, disk.unlink("test", one), nothing);
    case 8:
      return said(`stat ${one}`, disk.stat("test", one), ({ type, links, sizeBytes }) =>
        type === "folder" ? type : [type, links, sizeBytes],
      );
    case 9: {
      // Of a link the real disk lists the target, the simulated one refuses it as the port says.
      const there = await disk.stat("test", one);
      if (there.ok && there.value.type === "symlink") return null;
      return said(`list ${one}`, disk.list("test", one), (names) => names);
    }
    case 10:
      return said(`open ${one}`, disk.open("test", one), (file) => void file.close());
    default: {
      const made = await disk.create("test", one, 0o644);
      if (made.ok) {
        await made.value.write(rng.bytes(rng.below(5)));
        await made.value.close();
      }
      return shown(`create ${one}`, made, nothing);
    }
  }
}

const shown = <T>(what: string, done: Result<T, DiskError>, value: (of: T) => unknown): unknown =>
  done.ok ? [what, value(done.value)] : [what, done.error.kind, done.error.call, done.error.path];

test("any calls in any order give what they give on a real file system", async () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const [real, simulated] = [newRng(seed), newRng(seed)];
    const root = emptyFolder();
    const disk = calmDisk().mount();
    for (const parent of root
      .split("/")
      .slice(1)
      .map((_, at, parts) => `/${parts.slice(0, at + 1).join("/")}`)) {
      await disk.mkdir("test", parent, 0o755);
    }
    for (let count = 0; count < 80; count += 1) {
      const wanted = await randomCall(real, realDisk, root);
      expect([seed, count, await randomCall(simulated, disk, root)]).toEqual([seed, count, wanted]);
    }
    removeFolders();
  }
}, 30_000);
