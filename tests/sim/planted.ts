import type { Name } from "./proof.ts";

/** Faults for the shipping code, each of which somebody could make in good faith. The proof of updates must catch every one. */
export interface Planted {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The first seed that is played: when it was planted, one that caught it; others follow. */
  readonly seed: number;
  /** The proof that must catch it; default: that of updates without a hub. */
  readonly by?: Name;
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: source text
export const planted: readonly Planted[] = [
  {
    what: "files are renamed into place before their bytes are durable",
    file: "runtime/store/save.ts",
    from: "const synced = filled.ok ? await file.fsync() : ok(undefined);",
    to: "const synced = ok(undefined) as Awaited<ReturnType<NewFile['fsync']>>;",
    seed: 1,
  },
  {
    what: "the next environment is not at home before the exchange",
    file: "runtime/loader/env-file.ts",
    from: "return written.ok ? atHome(disk, folder) : diskFailed(written.error);",
    to: "return written.ok ? ok(undefined) : diskFailed(written.error);",
    seed: 4066,
  },
  {
    what: "the environment is not at home after the exchange",
    file: "runtime/loader/env-file.ts",
    from: "const settled = await atHome(disk, dirname(path));",
    to: "const settled = onDisk(await disk.fsync(WHY, dirname(path)));",
    seed: 3,
  },
  {
    what: "the environment is renamed over the old one",
    file: "runtime/loader/env-file.ts",
    from: "const swapped = await disk.exchange(WHY, spareOf(path), path);",
    to: "const swapped = await disk.rename(WHY, spareOf(path), path);",
    seed: 37664,
  },
  {
    what: "the first environment is made as the spare",
    file: "runtime/loader/env-file.ts",
    from: "const firstOf = (path: string): string => `${path}.first`;",
    to: "const firstOf = spareOf;",
    seed: 632,
  },
  {
    what: "a commit leaves the trial in the environment",
    file: "runtime/loader/environment-loader.ts",
    from: "commit: (rev) => change(() => ({ committed: rev, trial: null })),",
    to: "commit: (rev) => change(({ trial }) => ({ committed: rev, trial })),",
    seed: 1,
  },
  {
    what: "what is installed is not checked again",
    file: "runtime/boot/update-work.ts",
    from: "const good = await whole(rev, state);",
    to: "const good = ok(undefined) as Done;",
    seed: 76,
  },
  {
    what: "DONE is recorded before the boot loader has committed",
    file: "runtime/boot/update-work.ts",
    from: "    const done = await byLoader(loader.commit(rev));\n    if (!done.ok) {\n      // The",
    to: '    await writeProgress(store, rev, progressRecord("DONE", "done"));\n    const done = await byLoader(loader.commit(rev));\n    if (!done.ok) {\n      // The',
    seed: 6,
  },
  {
    what: "a failed trial is not taken back",
    file: "runtime/boot/update-work.ts",
    from: "const done = await byLoader(loader.disarm());",
    to: "const done = good();\n    function good(): Done {\n      return ok(undefined);\n    }",
    seed: 1,
  },
  {
    what: "garbage collection forgets what could be gone back to",
    file: "runtime/boot/update-work.ts",
    from: "previous: previous.value,",
    to: "previous: null,",
    seed: 278,
  },
  {
    what: "garbage collection forgets what is committed",
    file: "runtime/store/protect.ts",
    from: '["committed", use.committed ?? factory],',
    to: '["committed", null],',
    seed: 32676,
  },
  {
    what: "a verdict is tried again",
    file: "runtime/update/resume.ts",
    from: 'const isVerdict = (status: string | null): boolean => status === "ERROR" || status === "WONTGO";',
    to: 'const isVerdict = (status: string | null): boolean => status === "CANCELLED";',
    seed: 745,
  },
  {
    what: "a revision that has failed runs when the boot loader starts it all the same",
    file: "runtime/update/resume.ts",
    from: "if (isGood(facts.bootedStatus) || facts.boots >= bootsMax) return [at(false), effects];",
    to: "if (facts.boots >= 0) return [at(false), effects];",
    seed: 3544,
  },
  {
    what: "boots of a committed revision are not counted",
    file: "runtime/update/resume.ts",
    from: 'return [at(false), [...effects, { kind: "countBoot", rev: booted }]];',
    to: "return [at(false), effects];",
    seed: 284,
  },
  {
    what: "two revisions that crash are gone back from to each other",
    file: "runtime/boot/updating.ts",
    from: "state.ok && !crashed ? previous.value : null",
    to: "state.ok ? previous.value : null",
    seed: 11294,
  },
  {
    what: "an unfinished trial that the boot loader went back from has no verdict",
    file: "runtime/update/resume.ts",
    from: 'effects.push(record({ rev: trial, retries }, "ERROR", "Unexpected rollback", why));',
    to: "why.message.trim();",
    seed: 441,
  },
  {
    what: "a trial waits for its goals for ever",
    file: "runtime/update/step.ts",
    from: '    case "testing":\n      return phase.commitAtMs;',
    to: '    case "trying":\n      return null;\n    case "testing":\n      return phase.commitAtMs;',
    seed: 120,
  },
  {
    what: "a revision is committed though it is not stable",
    file: "runtime/update/step.ts",
    from: "if (!stable) return to(update,",
    to: "if (!phase.at) return to(update,",
    seed: 25,
  },
  {
    what: "a revision of the hub's is kept although it cannot reach the hub",
    file: "runtime/update/step.ts",
    from: 'if (phase.candidate.origin === "local") return commit(',
    to: "if (phase.at) return commit(",
    seed: 1,
    by: "an update from a hub",
  },
  {
    what: "a link that starts again does not go on with what it was fetching",
    file: "runtime/boot/hub-revisions.ts",
    from: "if (fetching !== null) ports.say(fetching.message);",
    to: "",
    seed: 16,
    by: "an update from a hub",
  },
  {
    what: "the hub does not hear of what is good no more",
    file: "runtime/boot/hub-revisions.ts",
    from: "const about = wanted ?? last;",
    to: "const about = wanted;",
    seed: 1685,
    by: "an update from a hub",
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: source text
