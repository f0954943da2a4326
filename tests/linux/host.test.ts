import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, privileged } from "./on-host.ts";

const main = join(import.meta.dir, "in-device/main.ts");

test("a thousand quick orphans leave no zombie, and no exit of our own children is stolen", async () => {
  const run = Bun.spawnSync([process.execPath, main, "reaping"]);
  expect(run.stdout.toString()).toBe("ok reaping\n");
}, 60_000);

if (privileged) {
  test.each(["identity", "mounts", "foreignMounts", "loops", "loopRace", "cgroups", "loopback", "restarting"])(
    "the kernel of this host does what we ask: %s",
    async (name) => {
      expect((await inNamespace(main, name)).output).toBe(`ok ${name}\n`);
    },
    60_000,
  );
}
