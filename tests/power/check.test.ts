import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, privileged } from "../linux/on-host.ts";

if (privileged) {
  test("images of a device that comes back pass, and each kind of damage is found", async () => {
    const { output } = await inNamespace(join(import.meta.dir, "check-on-host.ts"));
    const found = JSON.parse(output.trim().split("\n").at(-1) ?? "");
    for (const name of [
      "good x86_64",
      "good aarch64",
      "committed x86_64",
      "committed aarch64",
      "failed before",
      "tried",
    ])
      expect([name, found[name]]).toEqual([name, []]);
    for (const arch of ["x86_64", "aarch64"]) {
      const damaged: readonly string[] = found[`damaged ${arch}`];
      expect(damaged).toContain("the loader finds other bytes in /trails/0/.pv/pv-kernel.img");
      expect(damaged.join("\n")).toMatch(/revision 0: bsp\/vmlinuz: wrong bytes/);
    }
    expect(found["says DONE"]).toEqual(["revision 5 says DONE, and the loader says 0"]);
    expect(found["unknown trial"].join("\n")).toContain("the loader starts revision 9, which never was");
    expect(found["no storage"].join("\n")).toMatch(/cannot|mount/);
  }, 60_000);
}
