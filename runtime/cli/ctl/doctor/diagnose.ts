import { sizeText } from "../../size.ts";
import { evidenceLines, outcomeOf } from "../progress.ts";
import type { ContainerFacts, Facts, RevisionFacts } from "./facts.ts";
import { type Finding, finding } from "./finding.ts";
import { nextBoot } from "./next-boot.ts";

/** Facts in, findings out, in the order in which people want to read them. Decides and does nothing else. */
export const diagnose = (facts: Facts): readonly Finding[] => [
  runtime(facts),
  device(facts),
  storage(facts),
  ...revisions(facts),
  loader(facts),
  ...files(facts),
  watchdog(facts),
  ...containers(facts),
  ...debugAccess(facts),
  ...nextBoot(facts),
];

const runtime = ({ runtime: is }: Facts): Finding =>
  is.answers
    ? finding("runtime", "ok", `answers: ${is.build}`)
    : finding("runtime", "bad", `does not answer: ${is.why}`, "dmesg | tail -n 50");

/** Below it the kernel begins to kill. */
const MEMORY_FREE_PART_MIN = 0.05;

function device({ device: { architecture, kernel, version, memory } }: Facts): Finding {
  const what = `${architecture}, Linux ${kernel}, cairn ${version}`;
  if (memory === null) return finding("device", "warn", `${what}; the kernel does not tell its memory`);
  const { totalBytes, availableBytes } = memory;
  const sentence = `${what}, ${sizeText(availableBytes)} of ${sizeText(totalBytes)} memory available`;
  return availableBytes < totalBytes * MEMORY_FREE_PART_MIN
    ? finding("device", "warn", sentence, "cairn ctl containers ls")
    : finding("device", "ok", sentence);
}

/** What the runtime holds back for itself (PV_STORAGE_GC_RESERVED). */
const STORAGE_FREE_PART_MIN = 0.05;

function storage({ storage: is }: Facts): Finding {
  if (is.kind === "unreadable") {
    return finding("storage", "bad", `${is.path}: ${is.why}`, "cairn ctl doctor --storage DIR");
  }
  const { path, fileSystem, readOnly, totalBytes, freeBytes } = is;
  const sentence = `${path} ${fileSystem ?? "on an unknown file system"}, ${sizeText(freeBytes)} of ${sizeText(totalBytes)} free`;
  if (readOnly)
    return finding(
      "storage",
      "bad",
      `${sentence}, read-only: the kernel does that after errors`,
      "dmesg | grep -i error",
    );
  return freeBytes < totalBytes * STORAGE_FREE_PART_MIN
    ? finding("storage", "bad", sentence, "cairn ctl storage gc")
    : finding("storage", "ok", sentence);
}

function revisions(facts: Facts): readonly Finding[] {
  const { revisions: all, running, loader: boot } = facts;
  if (all === null) return [finding("revisions", "bad", "cannot be listed", "cairn ctl doctor --storage DIR")];
  const roles = [
    `running ${running ?? "unknown"}`,
    ...(boot.kind === "known" ? [`committed ${boot.committed ?? "none"}`, `on trial ${boot.trial ?? "none"}`] : []),
  ];
  const previous = all.find(({ name }) => name === running)?.previous ?? null;
  if (previous !== null) roles.push(`before it ${previous}`);
  const named = new Set([running, ...(boot.kind === "known" ? [boot.committed, boot.trial] : [])]);
  const others = all.filter(({ name }) => !named.has(name));
  const failed = others.filter(hasFailed);
  const done = others.filter((revision) => revision.done && !hasFailed(revision));
  const counts = `${others.length} others: ${done.length} committed before, ${failed.length} failed`;
  return [
    finding("revisions", "ok", `${roles.join(", ")}; ${counts}`),
    ...all.flatMap((revision) => ofRevision(revision, named.has(revision.name))),
  ];
}

const hasFailed = ({ progress }: RevisionFacts): boolean => progress !== null && outcomeOf(progress) === "failed";

function ofRevision(revision: RevisionFacts, used: boolean): readonly Finding[] {
  const { name, badState, progress } = revision;
  const area = `revision ${name}`;
  if (badState !== null) return [finding(area, used ? "bad" : "warn", badState)];
  if (progress === null || !hasFailed(revision)) return [];
  const [why] = evidenceLines(progress.evidence);
  const sentence = [progress.status, progress["status-msg"], why].filter((part) => part !== undefined && part !== "");
  return [finding(area, "warn", sentence.join(": "), `cairn ctl steps show-progress ${name}`)];
}

function loader({ loader: is }: Facts): Finding {
  if (is.kind === "unreadable") return finding("loader", "warn", `${is.type ?? "of unknown type"}: ${is.why}`);
  return finding("loader", "ok", `${is.type}: committed ${is.committed ?? "none"}, on trial ${is.trial ?? "none"}`);
}

function files({ revisions: all }: Facts): readonly Finding[] {
  return (all ?? []).flatMap(({ name, files: is }) => {
    if (is === null) return [];
    const area = `files of ${name}`;
    if (is.problems.length === 0) return [finding(area, "ok", `${is.checked} checked, all as the state names them`)];
    return is.problems.map(({ key, what, object, mends }) =>
      finding(
        area,
        mends ? "warn" : "bad",
        `${key}: ${what}`,
        mends ? null : object === null ? `cairn ctl cmd run-commit ${name}` : `cairn ctl objects put FILE ${object}`,
      ),
    );
  });
}

function watchdog({ watchdogs }: Facts): Finding {
  const [first] = watchdogs;
  if (first === undefined) {
    return finding(
      "watchdog",
      "bad",
      "there is no /dev/watchdog: a hang would not reboot the device",
      "kernel: CONFIG_WATCHDOG and its driver",
    );
  }
  const sentence = `${first.device}${first.identity === null ? "" : ` (${first.identity})`}`;
  return first.state === "inactive"
    ? finding(
        "watchdog",
        "warn",
        `${sentence} is not running: a hang would not reboot the device`,
        "cairn ctl config ls",
      )
    : finding("watchdog", "ok", `${sentence}${first.state === null ? "" : ` is ${first.state}`}`);
}

const RANKS = ["MOUNTED", "STARTED", "READY"];
const ON_THE_WAY: ReadonlySet<string> = new Set([
  "NONE",
  "INSTALLED",
  "BLOCKED",
  "MOUNTED",
  "STARTING",
  "STARTED",
  "STOPPING",
]);

function containers({ containers: all }: Facts): readonly Finding[] {
  if (all === null) return [];
  const others = all.filter((container) => !atGoal(container));
  const well = finding("containers", "ok", `${all.length - others.length} of ${all.length} at their goals`);
  return [well, ...others.map(ofContainer)];
}

/** A later status fulfils an earlier goal; one that the user stopped is where he wants it. */
const atGoal = ({ status, goal }: ContainerFacts): boolean =>
  status === goal || (RANKS.includes(status) && RANKS.indexOf(status) >= RANKS.indexOf(goal));

function ofContainer({ name, status, goal, stoppedByUser }: ContainerFacts): Finding {
  const area = `container ${name}`;
  if (stoppedByUser) return finding(area, "warn", "was stopped by hand", `cairn ctl containers start ${name}`);
  const level = ON_THE_WAY.has(status) ? "warn" : "bad";
  return finding(area, level, `is ${status}, its goal is ${goal}`, `cairn ctl containers restart ${name}`);
}

const debugAccess = ({ debugAccess: open }: Facts): readonly Finding[] =>
  open === null
    ? []
    : [finding("debug", "warn", `root may log in by SSH on port 8222 ${open}`, "cairn ctl cmd disable-ssh")];
