/** Whether a device comes back from one image: by what its boot loader sees, and by what the runtime makes of the mounted storage. */
import { constants, copyFileSync, rmSync } from "node:fs";
import { type Loader, openLoader } from "../../runtime/loader/index.ts";
import { factory, parseRevisionName, parseState, type RevisionName, type State } from "../../runtime/state/index.ts";
import {
  listRevisions,
  newHashCache,
  openStore,
  readPrevious,
  readProgress,
  readState,
  realDisk,
  type Store,
  validate,
  validateBootFiles,
} from "../../runtime/store/index.ts";
import { explainProblem } from "../../runtime/store/validate.ts";
import type { Arch } from "../qemu/index.ts";
import type { CutImage } from "./cut-disk.ts";
import type { KnownBytes } from "./known-bytes.ts";
import { type Decision, decide, type LoaderView } from "./loader-view.ts";
import { withMounted } from "./mounted.ts";
import type { Boot } from "./recover.ts";

/** What must stand in a revision's `.pv/`: files of this machine by name. */
export type BootFiles = Readonly<Record<string, string>>;

export interface CheckSpec {
  readonly arch: Arch;
  readonly view: LoaderView;
  readonly boot: Boot;
  readonly known: KnownBytes;
  /** By revision. */
  readonly bootFiles: ReadonlyMap<string, BootFiles>;
  /** Mount point. */
  readonly root: string;
}

/** What is wrong, one line each; empty: the device comes back, on a revision that is whole. */
export async function check(spec: CheckSpec, image: CutImage): Promise<readonly string[]> {
  const decision = decide(await spec.view.variables(image));
  const seen = await bootable(spec, image, decision);
  const copy = `${image.storage}.mounted`; // what is mounted is written to
  copyFileSync(image.storage, copy, constants.COPYFILE_FICLONE);
  try {
    const mountedNs = BigInt(Date.now()) * 1_000_000n;
    return [
      ...seen,
      ...(await withMounted(copy, spec.root, () =>
        recovered(spec, decision, spec.known.hashing(image.writers, mountedNs)),
      )),
    ];
  } catch (cause) {
    return [...seen, cause instanceof Error ? cause.message : String(cause)];
  } finally {
    rmSync(copy);
  }
}

/** What the loader starts, and what it falls back to, have every byte of their boot files where the loader reads them. */
async function bootable(spec: CheckSpec, image: CutImage, { first, committed }: Decision): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const rev of new Set([first, committed])) {
    const files = spec.bootFiles.get(rev);
    if (files === undefined) problems.push(`the loader starts revision ${rev}, which never was`);
    for (const [name, file] of Object.entries(files ?? {})) {
      const path = `/trails/${rev}/.pv/${name}`;
      if (!(await spec.view.isSame(image, path, file))) problems.push(`the loader finds other bytes in ${path}`);
    }
  }
  return problems;
}

/** Boots one after the other, as the loader would have them, until one is no trial: each on a revision that is whole. */
async function recovered(spec: CheckSpec, decision: Decision, hashing: Store["hashing"]): Promise<readonly string[]> {
  const store: Store = { ...openStore(realDisk, spec.root), hashing };
  const loader = openLoader(spec.arch === "x86_64" ? "grub" : "uboot", { disk: realDisk, storage: spec.root });
  if (!loader.ok) return [`no loader: ${loader.error.kind}`];
  const problems: string[] = [];
  for (const booted of new Set([decision.first, decision.committed])) {
    const name = parseRevisionName(booted);
    if (!name.ok) return [...problems, `the loader starts "${booted}"`];
    const booting = await spec.boot(store, loader.value, name.value);
    if (!booting.ok) return [...problems, `revision ${booted} does not boot: ${booting.error}`];
    if (booting.value === "idle" && !(await isGood(store, loader.value, name.value)))
      problems.push(`revision ${booted} runs, and neither is nor was committed`);
    if (booted === decision.committed && booting.value !== "idle")
      problems.push(`committed revision ${booted} boots into ${booting.value}`);
    problems.push(...(await wholeRevision(store, name.value)));
  }
  return [...problems, ...(await settled(store, loader.value))];
}

/** A revision that may run without being on trial. */
async function isGood(store: Store, loader: Loader, rev: RevisionName): Promise<boolean> {
  const [variables, progress] = [await loader.read(), await readProgress(store, rev)];
  const committed = variables.ok && (variables.value.committed ?? factory) === rev;
  return committed || (progress.ok && progress.value?.status === "DONE");
}

async function stateOf(store: Store, rev: RevisionName): Promise<State | string> {
  const text = await readState(store, rev);
  if (!text.ok) return `revision ${rev} has no state: ${text.error.kind}`;
  const state = parseState(text.value);
  return state.ok ? state.value : `revision ${rev} has a bad state: ${state.error.kind}`;
}

async function wholeRevision(store: Store, rev: RevisionName): Promise<readonly string[]> {
  const state = await stateOf(store, rev);
  if (typeof state === "string") return [state];
  const hashes = newHashCache();
  const { problems } = await validate(store, rev, state, { trustVerity: false, hashes });
  const bootFiles = await validateBootFiles(store, rev, state, hashes);
  return [...problems, ...bootFiles].map((problem) => `revision ${rev}: ${explainProblem(problem)}`);
}

/** Nothing is on trial any more; what is committed is whole; no record claims more than the loader says. */
async function settled(store: Store, loader: Loader): Promise<readonly string[]> {
  const variables = await loader.read();
  if (!variables.ok) return [`the loader's variables cannot be read: ${variables.error.kind}`];
  const { trial } = variables.value;
  const committed = variables.value.committed ?? factory;
  const problems = trial === null ? [] : [`revision ${trial} stays on trial`];
  problems.push(...(await wholeRevision(store, committed)));
  const past = await predecessors(store, committed);
  const revisions = await listRevisions(store);
  if (!revisions.ok) return [...problems, `the revisions cannot be listed: ${revisions.error.kind}`];
  for (const rev of revisions.value) {
    const progress = await readProgress(store, rev);
    if (!progress.ok) problems.push(`the record of revision ${rev}: ${progress.error.kind}`);
    else if (progress.value?.status === "DONE" && !past.has(rev))
      problems.push(`revision ${rev} says DONE, and the loader says ${committed}`);
  }
  return problems;
}

async function predecessors(store: Store, committed: RevisionName): Promise<ReadonlySet<RevisionName>> {
  const past = new Set<RevisionName>([factory]);
  for (let rev: RevisionName | null = committed; rev !== null && !past.has(rev); ) {
    past.add(rev);
    const before: Awaited<ReturnType<typeof readPrevious>> = await readPrevious(store, rev);
    rev = before.ok ? before.value : null;
  }
  return past;
}
