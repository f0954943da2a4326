import { outcomeOf } from "../progress.ts";
import type { Facts, RevisionFacts } from "./facts.ts";
import { type Finding, finding } from "./finding.ts";

const AREA = "next boot";
const FACTORY = "0";

/** Which revision the loader would start, and why (reference 6, "Common variables", and 4.6). */
export function nextBoot(facts: Facts): readonly Finding[] {
  const { loader, booted, revisions } = facts;
  if (loader.kind === "unreadable") return [finding(AREA, "warn", "not known, as the boot loader's variables are not")];
  const committed = loader.committed ?? FACTORY;
  const why = loader.committed === null ? "nothing was ever committed, so the factory revision" : "the committed one";
  const { trial } = loader;
  const of = (name: string): RevisionFacts | undefined => revisions?.find((revision) => revision.name === name);
  const chosen = ((): Finding => {
    if (trial === null || trial === committed) return finding(AREA, "ok", `revision ${committed}, ${why}`);
    if (booted.rev === trial) {
      return finding(
        AREA,
        "warn",
        `revision ${committed}, ${why}: ${trial} is on its trial boot now and counts as failed if it ends before it is committed`,
        `cairn ctl steps show-progress ${trial}`,
      );
    }
    const progress = of(trial)?.progress ?? null;
    if (progress !== null && outcomeOf(progress) === "failed") {
      return finding(
        AREA,
        "warn",
        `revision ${committed}: ${trial} has failed, but the boot loader still names it for a trial`,
      );
    }
    return finding(AREA, "ok", `revision ${trial}, once, on trial; if it fails, ${committed}, ${why}`);
  })();
  const first = trial !== null && trial !== committed && booted.rev !== trial ? [trial, committed] : [committed];
  return [chosen, ...(revisions === null ? [] : first.flatMap((name) => bootable(name, of(name), committed)))];
}

function bootable(name: string, revision: RevisionFacts | undefined, committed: string): readonly Finding[] {
  const what = name === committed ? "the device has nothing to fall back on" : "its trial would fail";
  if (revision === undefined) {
    return [finding(AREA, "bad", `revision ${name} is not on the storage: ${what}`, "cairn ctl steps ls")];
  }
  return revision.badState === null
    ? []
    : [finding(AREA, "bad", `revision ${name} cannot be read: ${what}`, "cairn ctl install EXPORT --try")];
}
