import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, privileged } from "../../../linux/on-host.ts";

if (privileged) {
  test("liblxc reads every configuration of the template, and starts exactly the image's words, variables and user", async () => {
    const { output } = await inNamespace(join(import.meta.dir, "on-liblxc.ts"));
    expect(JSON.parse(output)).toEqual({ version: expect.any(String), loaded: 150, faults: [] });
  }, 120_000);
}
