import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { emptyFolder, removeFolders } from "./world.ts";

afterEach(removeFolders);

/** Runs full-disk.main.ts in a mount namespace of its own, with a file system of 1 MiB on `folder`. */
async function inTmpfs(folder: string): Promise<string> {
  const main = join(import.meta.dir, "full-disk.main.ts");
  const script = `mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$1"`;
  const args = ["--map-root-user", "--mount", "sh", "-c", script, "sh", folder, process.execPath, main];
  const run = Bun.spawn(["unshare", ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, problems, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code !== 0) throw new Error(`unshare and mount must work here: ${problems}`);
  return out;
}

test("a file system that is really full gives noSpace, keeps what was there, and nothing of what did not fit", async () => {
  const { put, saved, space, small, left } = JSON.parse(await inTmpfs(emptyFolder()));
  expect(put).toMatchObject({ ok: false, error: { kind: "noSpace", why: "store/object", call: "write" } });
  expect(saved).toMatchObject({ ok: false, error: { kind: "noSpace", why: "test" } });
  expect(space.value.totalBytes).toBe(1 << 20);
  expect(small.ok).toBe(true);
  expect(left).toEqual(["f", "objects", expect.stringMatching(/^objects\/[0-9a-f]{64}$/)]);
});
