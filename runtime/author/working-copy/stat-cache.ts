import { type Digest, parseDigest } from "../../state/index.ts";
import { type FileInfo, readFile, saveFile } from "../../store/index.ts";
import { ownFolder, type Repository } from "../repository/index.ts";

const WHY = "author/stat-cache";
const BYTES_MAX = 64 << 20;
const VERSION = 2;

/** `object`: SHA-256 of the bytes; `inline`: of the canonical text of the JSON. */
export type Meaning = "object" | "inline";

/** What a file was when it was read, and what its bytes meant. */
interface Known {
  readonly sizeBytes: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly inode: string;
  readonly meaning: Meaning;
  readonly sha: Digest;
  /** The state, by the SHA-256 of its text, whose value for this path the file has; "" when none is known. */
  readonly state: string;
}

/** A file that was changed so shortly before it was read may be changed again without its times telling. */
const FINE_NS = 50_000_000n;
/** The same where times are whole seconds: FAT counts in twos, and old network file systems in ones. */
const COARSE_NS = 2_100_000_000n;
const SECOND_NS = 1_000_000_000n;

/**
 * What files were last time, so that an unchanged one is not read again. An entry counts while length, both times and inode are the
 * same; ctime is in it because nobody can set it back. It is a cache: lost or damaged, it is made anew.
 */
export class StatCache {
  private changed = false;

  private constructor(private readonly files: Map<string, Known>) {}

  static async load(repository: Repository): Promise<StatCache> {
    const bytes = await readFile(repository.disk, WHY, pathOf(repository), BYTES_MAX);
    return new StatCache(bytes.ok ? parse(bytes.value) : new Map());
  }

  /** What the file meant when it was read, if it was read with this meaning; null: it must be read. */
  lookUp(path: string, info: FileInfo, meaning: Meaning): Pick<Known, "sha" | "state"> | null {
    const known = this.files.get(path);
    if (known === undefined || known.meaning !== meaning) return null;
    const same =
      known.sizeBytes === info.sizeBytes &&
      known.mtimeNs === String(info.mtimeNs) &&
      known.ctimeNs === String(info.ctimeNs) &&
      known.inode === String(info.inode);
    return same ? known : null;
  }

  /** Notes that the value of a file that was looked up is the one in a state: with many files, that is quicker to compare than digests. */
  noteState(path: string, state: string): void {
    const known = this.files.get(path);
    if (known === undefined || known.state === state) return;
    this.files.set(path, { ...known, state });
    this.changed = true;
  }

  /** Notes what a file meant; `readAtMs` is the time before it was opened. */
  note(path: string, info: FileInfo, meaning: Meaning, sha: Digest, readAtMs: number): void {
    if (isRacy(info, BigInt(Math.floor(readAtMs)) * 1_000_000n)) return;
    const { sizeBytes, mtimeNs, ctimeNs, inode } = info;
    const times = { mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs), inode: String(inode) };
    this.files.set(path, { sizeBytes, ...times, meaning, sha, state: "" });
    this.changed = true;
  }

  /** Keeps it for the next time, without the files that `isThere` does not know. Where it cannot be kept, all is as slow as without. */
  async save(repository: Repository, isThere: (path: string) => boolean): Promise<void> {
    if (!this.changed) return;
    const entries = [...this.files]
      .filter(([path]) => isThere(path))
      .map(([path, k]) => [path, [k.sizeBytes, k.mtimeNs, k.ctimeNs, k.inode, k.meaning, k.sha, k.state]] as const);
    const text = JSON.stringify({ version: VERSION, files: Object.fromEntries(entries) });
    await saveFile(repository.disk, WHY, pathOf(repository), Buffer.from(text));
    this.changed = false;
  }
}

const pathOf = (repository: Repository): string => `${ownFolder(repository)}/stat`;

/** Anything but what `save` writes gives an empty cache, or one without the entry. */
function parse(bytes: Uint8Array): Map<string, Known> {
  const files = new Map<string, Known>();
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return files;
  }
  if (!isObject(document) || document["version"] !== VERSION || !isObject(document["files"])) return files;
  for (const [path, entry] of Object.entries(document["files"])) {
    const known = Array.isArray(entry) ? knownOf(entry) : null;
    if (known !== null) files.set(path, known);
  }
  return files;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function knownOf(entry: readonly unknown[]): Known | null {
  const [sizeBytes, mtimeNs, ctimeNs, inode, meaning, text, state] = entry;
  if (typeof sizeBytes !== "number" || typeof mtimeNs !== "string" || typeof ctimeNs !== "string") return null;
  if (typeof inode !== "string" || typeof text !== "string" || typeof state !== "string") return null;
  if (meaning !== "object" && meaning !== "inline") return null;
  const sha = parseDigest(text);
  return sha === null ? null : { sizeBytes, mtimeNs, ctimeNs, inode, meaning, sha, state };
}

/** Could it have been changed again since, and look the same? */
export function isRacy({ mtimeNs, ctimeNs }: Pick<FileInfo, "mtimeNs" | "ctimeNs">, readAtNs: bigint): boolean {
  const coarse = mtimeNs % SECOND_NS === 0n && ctimeNs % SECOND_NS === 0n;
  const newest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return readAtNs - newest < (coarse ? COARSE_NS : FINE_NS);
}
