import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { canonical, type Digest, limits, parseDigest } from "../../state/index.ts";
import { readFile, saveFile } from "../../store/index.ts";
import { keyFault } from "../document/index.ts";
import type { RepositoryError } from "./fault.ts";
import type { Repository } from "./repository.ts";

const WHY = "author/added";
const BYTES_MAX = 8 << 20;

/** A file that is to be in the next commit. */
export interface AddedFile {
  /** `--raw`: it is kept as an object, also under a name in .json. */
  readonly forceObject: boolean;
  /** SHA-256 of its bytes when it was added; says nothing of what they are now. */
  readonly sha: Digest;
}

export type Added = ReadonlyMap<string, AddedFile>;

const Shape = v.pipe(
  v.record(
    v.string(),
    v.looseObject({
      ForceObject: v.optional(v.boolean(), false),
      Sha: v.pipe(
        v.string(),
        v.transform(parseDigest),
        v.check((digest) => digest !== null, "wants 64 hexadecimal digits"),
      ),
    }),
  ),
  v.check((files) => Object.keys(files).length <= limits.keysMax, `has more than ${limits.keysMax} files`),
  v.check((files) => Object.keys(files).every((key) => keyFault(key) === null), "has a path that leads elsewhere"),
);

const pathOf = ({ folder }: Repository): string => `${folder}/new`;

/** Files added since the last commit, `.pvr/new`; none when the file is missing. */
export async function readAdded(repository: Repository): Promise<Result<Added, RepositoryError>> {
  const path = pathOf(repository);
  const bytes = await readFile(repository.disk, WHY, path, BYTES_MAX);
  if (!bytes.ok) return bytes.error.kind === "missing" ? ok(new Map()) : bytes;
  const bad = (problem: string): Result<never, RepositoryError> =>
    err({ kind: "badFile", path, problem: `${problem}: remove it, then add the files again` });
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes.value).toString("utf8"));
    if (Array.isArray(document)) return bad("a list");
    const shaped = v.safeParse(Shape, document);
    if (!shaped.success) return bad(v.summarize(shaped.issues));
    const files = Object.entries(shaped.output).flatMap(([key, { ForceObject, Sha }]) =>
      Sha === null ? [] : [[key, { forceObject: ForceObject, sha: Sha }] as const],
    );
    return ok(new Map(files));
  } catch {
    return bad("not JSON");
  }
}

export const saveAdded = (repository: Repository, added: Added): ReturnType<typeof saveFile> => {
  const files = [...added].map(
    ([key, { forceObject, sha }]) => [key, { ForceObject: forceObject, Sha: sha as string }] as const,
  );
  return saveFile(repository.disk, WHY, pathOf(repository), Buffer.from(canonical(Object.fromEntries(files))));
};

/** After a commit or a checkout nothing is added any more. */
export async function clearAdded(repository: Repository): Promise<Result<void, RepositoryError>> {
  const gone = await repository.disk.unlink(WHY, pathOf(repository));
  if (!gone.ok) return gone.error.kind === "missing" ? ok(undefined) : gone;
  return repository.disk.fsync(WHY, repository.folder);
}
