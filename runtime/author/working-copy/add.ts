import { relative, resolve } from "node:path";
import { err, ok, type Result } from "../../result.ts";
import { openStore } from "../../store/index.ts";
import { digestIn } from "../document/index.ts";
import { type Added, type AddedFile, alone, saveAdded } from "../repository/index.ts";
import type { WorkingCopyError } from "./fault.ts";
import { globPattern } from "./glob.ts";
import { type Scan, scan, type WorkingCopy } from "./scan.ts";

const WHY = "author/add";

export interface AddOptions {
  /** Files, folders (everything below them) and patterns; none: everything. */
  readonly patterns: readonly string[];
  /** Keep them as objects, also those with a name in .json. */
  readonly raw: boolean;
}

export interface NewlyAdded {
  /** What is in the next commit now and was not before, or in another form. */
  readonly paths: readonly string[];
}

/** Notes files for the next commit. Nothing is copied: what is committed are the bytes that they have then. */
export function add(copy: WorkingCopy, options: AddOptions): Promise<Result<NewlyAdded, WorkingCopyError>> {
  return alone(copy.repository.folder, async () => {
    const scanned = await scan(copy);
    if (!scanned.ok) return scanned;
    const matched = match(copy.root, scanned.value, options.patterns);
    if (!matched.ok) return matched;
    const wanted = await describe(copy, scanned.value, matched.value, options.raw);
    if (!wanted.ok) return wanted;
    if (wanted.value.size === 0) return ok({ paths: [] });
    const saved = await saveAdded(copy.repository, new Map([...scanned.value.added, ...wanted.value]));
    return saved.ok ? ok({ paths: [...wanted.value.keys()].sort() }) : saved;
  });
}

/** Those of the files that are not in the next commit as wished already. */
async function describe(
  { root, repository }: WorkingCopy,
  { pristine, added }: Scan,
  paths: readonly string[],
  raw: boolean,
): Promise<Result<Added, WorkingCopyError>> {
  const { hashing } = openStore(repository.disk, repository.folder);
  const wanted = new Map<string, AddedFile>();
  for (const path of paths) {
    const committed = pristine.get(path);
    const noted = added.get(path);
    const asWished = raw ? digestIn(committed) !== null : committed !== undefined;
    // What was added raw stays so: "add" of everything else does not take it back.
    if (noted === undefined ? asWished : noted.forceObject || !raw) continue;
    const hashed = await hashing.hash(WHY, `${root}/${path}`);
    if (!hashed.ok) return hashed;
    wanted.set(path, { forceObject: raw, sha: hashed.value.digest });
  }
  return ok(wanted);
}

function match(
  root: string,
  { walked }: Scan,
  patterns: readonly string[],
): Result<readonly string[], WorkingCopyError> {
  const paths = [...walked.files.keys()];
  if (patterns.length === 0) return ok(paths);
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const plain = relative(root, resolve(root, pattern));
    if (plain === ".." || plain.startsWith("../")) return err({ kind: "outside", pattern });
    const odd = walked.oddities.find(({ path }) => path === plain);
    if (odd !== undefined) return err({ kind: "odd", oddity: odd });
    const found = paths.filter((path) => plain === "" || path === plain || path.startsWith(`${plain}/`));
    const glob = found.length > 0 ? null : globPattern(pattern.replace(/^(?:\.\/+)+/, ""));
    const matching = glob === null ? found : paths.filter((path) => glob.test(path));
    if (matching.length === 0) return err({ kind: "noMatch", pattern });
    for (const path of matching) chosen.add(path);
  }
  return ok([...chosen]);
}
