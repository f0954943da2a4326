/** Repositories as the original writes them (reference authoring 1.1), byte for byte, made without any of our code. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const SPEC = "pantavisor-service-system@1";

export const sha = (bytes: string | Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

export function write(path: string, bytes: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

export interface Fixture {
  /** Committed files: text that becomes inline JSON under a name in .json, else the bytes of an object. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Keys in .json that are objects all the same. */
  readonly raw?: readonly string[];
  /** Default: shared by nobody, `.pvr/objects`. */
  readonly objectsDir?: string;
  readonly message?: string;
}

/** A state's canonical text; the inline JSON given must be canonical. */
export function stateText({ files, raw = [] }: Fixture): string {
  const members = Object.entries({ "#spec": `"${SPEC}"`, ...files }).map(([key, value]) => {
    const inline = key === "#spec" || (key.endsWith(".json") && !raw.includes(key));
    return [key, inline ? String(value) : `"${sha(value)}"`] as const;
  });
  members.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
}

/** A working copy after `pvr init`, `add` and `commit`. */
export function pvrRepository(root: string, fixture: Fixture): string {
  const { files, raw = [], objectsDir = join(root, ".pvr/objects"), message = "made by pvr" } = fixture;
  write(join(root, ".pvr/json"), stateText(fixture));
  write(
    join(root, ".pvr/config"),
    `{\n\t"DefaultGetUrl": "",\n\t"DefaultPutUrl": "",\n\t"DefaultPostUrl": "",\n\t"ObjectsDir": "${objectsDir}",\n\t"AccessTokens": {},\n\t"RefreshTokens": {}\n}`,
  );
  write(join(root, ".pvr/commitmsg"), message);
  for (const [key, bytes] of Object.entries(files)) {
    write(join(root, key), bytes);
    if (!key.endsWith(".json") || raw.includes(key)) write(resolve(root, objectsDir, sha(bytes)), bytes);
  }
  return root;
}
