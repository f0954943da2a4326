import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { planted } from "./planted.ts";
import { Report } from "./proof.ts";

const top = resolve(import.meta.dir, "../..");
const copy = mkdtempSync(join(tmpdir(), "planted-"));
for (const folder of ["runtime", "tests/sim", "tests/store"]) {
  cpSync(join(top, folder), join(copy, folder), { recursive: true });
}
for (const file of ["node_modules", "package.json", "tsconfig.json"]) symlinkSync(join(top, file), join(copy, file));
writeFileSync(join(copy, "tests/sim/regressions.json"), "[]");
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const STORIES_MAX = 20_000;

describe("the proof of updates notices that", () => {
  test.each(planted)(
    "$what",
    async ({ file, from, to, seed, by = "an update" }) => {
      const path = join(copy, file);
      const text = readFileSync(path, "utf8");
      expect(text.split(from)).toHaveLength(2);
      writeFileSync(
        path,
        text.replace(from, () => to),
      );
      const seeds = ["--from", String(seed), "--seeds", String(STORIES_MAX)];
      const argv = [join(copy, "tests/sim/proof.ts"), "--worker", "--plain", "--of", by, ...seeds];
      const child = Bun.spawn([process.execPath, ...argv], { stdout: "pipe", stderr: "pipe" });
      const [told, wrong] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      writeFileSync(path, text);
      expect(wrong).toBe("");
      const { failure, stories } = v.parse(Report, JSON.parse(told));
      expect(failure).toStartWith(`${by} does not hold`);
      console.log(`${stories} stories: ${failure?.split("\n").slice(0, 2).join(": ")}`);
    },
    300_000,
  );
});
