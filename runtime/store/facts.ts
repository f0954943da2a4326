import * as v from "valibot";
import { err, ok, type Result } from "../result.ts";
import { parseRevisionName, type RevisionName } from "../state/index.ts";
import type { DiskError, DiskResult } from "./disk.ts";
import { readFile, saveFile, unlinkIfThere } from "./save.ts";
import { pvPath, type Store, statePath, trailFolder } from "./store.ts";

/** Small facts about a revision, each a file in its `.pv/`. A damaged one is as good as none: nothing here may keep a device from booting. */
const WHY = "store/fact";
const FACT_BYTES_MAX = 1024;

/** The file's text; null when there is none, or no sane one. */
async function readFact(store: Store, rev: RevisionName, name: string): DiskResult<string | null> {
  const bytes = await readFile(store.disk, WHY, pvPath(store, rev, name), FACT_BYTES_MAX);
  if (bytes.ok) return ok(new TextDecoder().decode(bytes.value));
  return bytes.error.kind === "missing" || bytes.error.kind === "tooLarge" ? ok(null) : bytes;
}

const writeFact = (store: Store, rev: RevisionName, name: string, text: string): DiskResult<void> =>
  saveFile(store.disk, WHY, pvPath(store, rev, name), new TextEncoder().encode(text));

/** `.pv/previous`: the revision that was committed when this one was installed; null when nobody noted it. */
export async function readPrevious(store: Store, rev: RevisionName): DiskResult<RevisionName | null> {
  const text = await readFact(store, rev, "previous");
  if (!text.ok || text.value === null) return text.ok ? ok(null) : text;
  const previous = parseRevisionName(text.value.trimEnd());
  return ok(previous.ok ? previous.value : null);
}

/** Durable when it returns; writes nothing when it is there already. */
export async function writePrevious(store: Store, rev: RevisionName, previous: RevisionName): DiskResult<void> {
  const there = await readPrevious(store, rev);
  if (there.ok && there.value === previous) return store.disk.fsync(WHY, `${trailFolder(store, rev)}/.pv`);
  return writeFact(store, rev, "previous", `${previous}\n`);
}

/** More boots than any limit on them asks about; the count stops there. */
const BOOTS_MAX = 1_000_000;
const Boots = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ boots: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(BOOTS_MAX)) }),
);

/** `.pv/boots`: boots of this revision since it last was well. A damaged file counts as 0. */
export async function readBoots(store: Store, rev: RevisionName): DiskResult<number> {
  const text = await readFact(store, rev, "boots");
  if (!text.ok) return text;
  const read = v.safeParse(Boots, text.value);
  return ok(read.success ? read.output.boots : 0);
}

/** One boot more; the value is how many that makes. Durable when it returns, so before anything that may crash. */
export async function countBoot(store: Store, rev: RevisionName): DiskResult<number> {
  const before = await readBoots(store, rev);
  if (!before.ok) return before;
  const boots = Math.min(before.value + 1, BOOTS_MAX);
  const written = await writeFact(store, rev, "boots", JSON.stringify({ boots }));
  return written.ok ? ok(boots) : written;
}

/** The revision is well. Writes nothing when no boot was counted. */
export async function clearBoots(store: Store, rev: RevisionName): DiskResult<void> {
  const path = pvPath(store, rev, "boots");
  const there = await store.disk.stat(WHY, path);
  if (!there.ok) return there.error.kind === "missing" ? ok(undefined) : there;
  const gone = await unlinkIfThere(store.disk, WHY, path);
  return gone.ok ? store.disk.fsync(WHY, `${trailFolder(store, rev)}/.pv`) : gone;
}

/** Reference 8.4. */
const COMMIT_MESSAGE_BYTES_MAX = 256;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** A commit message is too long or holds a control character. */
export interface BadCommitMessage {
  readonly kind: "badCommitMessage";
  readonly problem: string;
}

/** `.pv/commitmsg`, a line for people, safe to show whoever wrote it: control characters become spaces. "" when there is none. */
export async function readCommitMessage(store: Store, rev: RevisionName): DiskResult<string> {
  const text = await readFact(store, rev, "commitmsg");
  return text.ok ? ok((text.value ?? "").replace(CONTROL, " ").trimEnd()) : text;
}

/** At most 256 bytes of UTF-8 without control characters. `missing`: there is no such revision. Durable when it returns. */
export async function writeCommitMessage(
  store: Store,
  rev: RevisionName,
  message: string,
): Promise<Result<void, DiskError | BadCommitMessage>> {
  const bytes = Buffer.byteLength(message);
  if (bytes > COMMIT_MESSAGE_BYTES_MAX) return err({ kind: "badCommitMessage", problem: `it has ${bytes} bytes` });
  if (message.search(CONTROL) >= 0) return err({ kind: "badCommitMessage", problem: "it holds a control character" });
  const revision = await store.disk.stat(WHY, statePath(store, rev));
  return revision.ok ? writeFact(store, rev, "commitmsg", message) : revision;
}
