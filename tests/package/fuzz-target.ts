/** Mutants of exports, opened as `cairn import` and `cairn ctl install` open them, and read to their last object. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BadPackage, openPackage } from "../../runtime/package/index.ts";
import { object, pax, sha, stateOf, tar } from "../cli/archives.ts";
import { asBytes, mutantArchive, mutantBytes } from "../fuzz/bytes.ts";
import { explained, type Target } from "../fuzz/campaign.ts";

const files = { "web/a": "one", "web/b": Buffer.alloc(3000, "two "), "web/c": "" };
const json = { name: "json", bytes: stateOf(files) };
const long = `objects/${sha(files["web/b"])}`;
const CORPUS = [
  tar(json, object(files["web/a"]), object(files["web/b"]), object("")),
  tar(object("one"), { name: "./", type: "5" }, json, pax({ path: long, size: "3000" }), {
    name: "short",
    bytes: files["web/b"],
  }),
  tar(
    { name: "././@LongLink", type: "L", bytes: `${long}\0`, magic: "ustar  " },
    { name: "cut", bytes: files["web/b"] },
    json,
  ),
];

let folder: string | null = null;

/** Archives are read from files; a disk at work would count as slow. */
function scratchFile(): string {
  if (folder === null) {
    const made = mkdtempSync("/dev/shm/cairn-fuzz-");
    folder = made;
    process.on("exit", () => rmSync(made, { recursive: true }));
  }
  return join(folder, "export");
}

export const exportTarget: Target = {
  name: "export",
  draw: (dice) => {
    const plain = mutantArchive(dice, CORPUS);
    if (dice.roll(8) > 0) return plain;
    const packed = gzipSync(plain, { level: 1 });
    return dice.roll(2) === 0 ? packed : mutantBytes(dice, [packed]);
  },
  read: async (input) => {
    const path = scratchFile();
    writeFileSync(path, asBytes(input));
    const opened = await openPackage(path, { refuseEscapes: true });
    if (!opened.ok) return () => explained(opened.error);
    try {
      await opened.value.each(new Set(opened.value.objects.keys()), async ({ bytes }) => {
        for await (const _ of bytes);
        return true;
      });
      return () => "fine";
    } catch (thrown) {
      if (!(thrown instanceof BadPackage)) throw thrown;
      return () => explained(thrown.message);
    } finally {
      await opened.value.close();
    }
  },
  planted: [],
};
