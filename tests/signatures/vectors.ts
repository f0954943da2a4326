/** Test vectors of PVS signatures; `vectors/README.md` says who made them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dir, "vectors");

export const vectorText = (path: string): string => readFileSync(join(folder, path), "utf8");

/** The caller says what the file holds. */
export const vectorJson = <T>(path: string): T => JSON.parse(vectorText(path));

export const vectorPath = (path: string): string => join(folder, path);
