import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLoader } from "../../runtime/cli/ctl/doctor/loader.ts";
import { grubenv } from "../../runtime/loader/grubenv.ts";
import { rpiabText, ubootText } from "../../runtime/loader/uboot-text.ts";
import { emptyFolder, must, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

const variables = new Map([
  ["pv_rev", "7"],
  ["pv_try", "locals/x"],
]);

function tree(name: string, bytes: Uint8Array): string {
  const storage = emptyFolder();
  mkdirSync(join(storage, "boot"));
  writeFileSync(join(storage, "boot", name), bytes);
  return storage;
}

test.each([
  ["grub", "grubenv", grubenv],
  ["uboot", "uboot.txt", ubootText],
  ["none", "none.txt", ubootText],
] as const)(
  "the variables of %s are read, whether the runtime names it or only its file",
  async (type, name, format) => {
    const storage = tree(name, must(format.encode(variables)));
    for (const named of [type, null]) {
      expect(await readLoader(storage, named)).toEqual({ kind: "known", type, committed: "7", trial: "locals/x" });
    }
    expect(readdirSync(join(storage, "boot"))).toEqual([name]);
  },
);

test("uboot-pvk keeps them where uboot does", async () => {
  const storage = tree("uboot.txt", must(ubootText.encode(variables)));
  expect(await readLoader(storage, "uboot-pvk")).toMatchObject({ kind: "known", type: "uboot-pvk", committed: "7" });
});

test("a damaged environment is unreadable, and says why", async () => {
  const facts = await readLoader(tree("grubenv", Buffer.from("torn")), "grub");
  expect(facts).toEqual({ kind: "unreadable", type: "grub", why: expect.stringContaining("4 bytes and not 1024") });
});

test("a Raspberry Pi's are not read: their other half is on partitions that nobody has mounted", async () => {
  const facts = await readLoader(tree("rpiab.txt", must(rpiabText.encode(variables))), null);
  expect(facts).toEqual({ kind: "unreadable", type: "rpiab", why: expect.stringContaining("Raspberry Pi") });
});

test.each([
  [null, "keeps its variables on the storage"],
  ["lilo", "no such type"],
  ["uboot-ab", "uboot-ab"],
])("type %p on an empty tree is unreadable", async (named, why) => {
  expect(await readLoader(emptyFolder(), named)).toEqual({
    kind: "unreadable",
    type: named,
    why: expect.stringContaining(why),
  });
});
