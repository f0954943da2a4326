import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { type Disk, readFile, saveFile } from "../../store/index.ts";
import type { RepositoryError } from "./fault.ts";

const WHY = "author/config";
const CONFIG_BYTES_MAX = 1 << 20;
/** It may hold tokens of a hub. */
const MODE = 0o600;

const text = v.optional(v.string(), "");
const tokens = v.optional(v.nullable(v.record(v.string(), v.unknown())), null);

/** `.pvr/config`; members that are not known here are kept as they are. */
const ConfigShape = v.looseObject({
  DefaultGetUrl: text,
  DefaultPutUrl: text,
  DefaultPostUrl: text,
  ObjectsDir: text,
  AccessTokens: tokens,
  RefreshTokens: tokens,
});

/** Settings of one repository (reference authoring 1.1). `ObjectsDir` is where its objects are, relative to the working copy or absolute. */
export type Config = v.InferOutput<typeof ConfigShape>;

/** Which references a command without one takes. */
export type Remembered = "DefaultGetUrl" | "DefaultPutUrl" | "DefaultPostUrl";

export const emptyConfig = (objectsDir: string): Config => ({
  DefaultGetUrl: "",
  DefaultPutUrl: "",
  DefaultPostUrl: "",
  ObjectsDir: objectsDir,
  AccessTokens: {},
  RefreshTokens: {},
});

/** Null: there is none, as in an unpacked export. */
export async function readConfig(disk: Disk, folder: string): Promise<Result<Config | null, RepositoryError>> {
  const path = `${folder}/config`;
  const bytes = await readFile(disk, WHY, path, CONFIG_BYTES_MAX);
  if (!bytes.ok) return bytes.error.kind === "missing" ? ok(null) : bytes;
  const bad = (problem: string): Result<never, RepositoryError> => err({ kind: "badFile", path, problem });
  try {
    const shaped = v.safeParse(ConfigShape, JSON.parse(Buffer.from(bytes.value).toString("utf8")));
    return shaped.success ? ok(shaped.output) : bad(v.summarize(shaped.issues));
  } catch {
    return bad("not JSON: mend it, or remove it to have the default settings");
  }
}

/** All six keys, with tabs, as `pvr` writes them. */
export const saveConfig = (disk: Disk, folder: string, config: Config): ReturnType<typeof saveFile> => {
  const { AccessTokens, RefreshTokens } = config;
  const all = { ...config, AccessTokens: AccessTokens ?? {}, RefreshTokens: RefreshTokens ?? {} };
  return saveFile(disk, WHY, `${folder}/config`, Buffer.from(JSON.stringify(all, null, "\t")), MODE);
};
