import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

test("an object of 256 MiB takes at most 32 MiB of memory, whatever its patch is made of", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cairn-patch-memory-"));
  try {
    const main = resolve(import.meta.dir, "memory.main.ts");
    const child = Bun.spawn([process.execPath, main, "256", folder], { stdout: "pipe", stderr: "inherit" });
    const grown: Record<string, number> = JSON.parse(await new Response(child.stdout).text());
    expect(Object.keys(grown)).toEqual(["stored", "zstd", "differences"]);
    for (const [kind, bytes] of Object.entries(grown)) expect(bytes, kind).toBeLessThan(32 << 20);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
