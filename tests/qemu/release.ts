/** Between the harness's revisions and those that `cairn` makes: a working copy to begin with, and what became of it. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Part } from "./container.ts";
import { canonical, type Json } from "./json.ts";
import type { Revision } from "./revision.ts";

/** Puts parts into a working copy, as the files of an author. */
export async function layWorkingCopy(
  folder: string,
  parts: Iterable<readonly [key: string, part: Part]>,
): Promise<void> {
  for (const [key, part] of parts) {
    const path = join(folder, key);
    await mkdir(dirname(path), { recursive: true });
    if ("file" in part) await copyFile(part.file, path);
    else await writeFile(path, "json" in part ? canonical(part.json) : part.bytes);
  }
}

/** The revision in an unpacked export, such as `cairn post FOLDER` makes. Its boot files are those of `base`, by their sources. */
export async function released(folder: string, base: Revision): Promise<Revision> {
  const state = await readFile(join(folder, "json"), "utf8");
  const { "#spec": _, ...members } = JSON.parse(state) as Record<string, Json>;
  const parts = Object.entries(members).map(([key, value]): [string, Part] => [
    key,
    typeof value === "string" ? { file: join(folder, "objects", value) } : { json: value },
  ]);
  return { ...base, state, parts: new Map(parts) };
}
