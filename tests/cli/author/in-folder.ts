import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cairn, type Ran } from "../run-command.ts";

/** Runs a command line in a folder, with settings of its own below `home`. */
export async function inFolder(folder: string, home: string, ...words: string[]): Promise<Ran> {
  mkdirSync(folder, { recursive: true });
  const before = { folder: process.cwd(), config: process.env["PVR_CONFIG_DIR"] };
  process.chdir(folder);
  process.env["PVR_CONFIG_DIR"] = join(home, ".pvr");
  try {
    return await cairn(...words);
  } finally {
    process.chdir(before.folder);
    if (before.config === undefined) delete process.env["PVR_CONFIG_DIR"];
    else process.env["PVR_CONFIG_DIR"] = before.config;
  }
}
