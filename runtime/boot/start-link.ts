import { readFileSync } from "node:fs";
import { version } from "../buildinfo.ts";
import { LINE_BYTES_MAX, lines, type State } from "../fleet/pipe/index.ts";
import { updateStatuses } from "../fleet/terms/index.ts";
import {
  CGROUP_ROOT,
  createCgroup,
  explainLinux,
  explainSys,
  joinCgroup,
  limitMemory,
  spawnChild,
  weighCpu,
} from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import { err, ok, type Result } from "../result.ts";
import { isLocal, type State as Revision, type RevisionName } from "../state/index.ts";
import { readProgress, readState, type Store } from "../store/index.ts";
import type { ContainerView } from "../supervise/index.ts";
import type { DeviceClock } from "./clock.ts";
import type { Config } from "./config/index.ts";
import { type HubCommandsPorts, openHubCommands } from "./hub-commands.ts";
import { type HubLink, type LinkProcess, openHubLink } from "./hub-link.ts";
import { openHubMetadata } from "./hub-metadata.ts";
import { type HubRevisions, openHubRevisions } from "./hub-revisions.ts";
import { linkBounds, linkEnvironment } from "./link-bounds.ts";
import type { DeviceMetadata } from "./metadata.ts";
import type { Accepts } from "./read-revision.ts";
import { stateDigest } from "./state-digest.ts";
import { realTimer, type Updating } from "./updating.ts";

export interface LinkParts extends Pick<HubCommandsPorts, "control" | "restartRefusal" | "lastLines" | "debugAccess"> {
  readonly config: Config;
  readonly store: Store;
  readonly log: Logger;
  readonly updating: Updating;
  readonly accepts: Accepts;
  readonly clock: DeviceClock;
  readonly metadata: DeviceMetadata;
  /** What the boot loader started. */
  readonly booted: RevisionName;
  /** What runs now. */
  running(): { readonly name: RevisionName; readonly state: Revision };
  containers(): readonly ContainerView[];
}

/** The hub, as the device has it. */
export interface Hub extends Pick<HubRevisions, "fetch"> {
  /** What runs, how it is, or what is recorded of a revision may be another than before. */
  changed(): void;
  stop(): void;
}

const CGROUP = `${CGROUP_ROOT}/cairn-link`;

/** Starts the link to the hub that the configuration names. The error is a sentence; the device runs without. */
export function startLink(parts: LinkParts): Result<Hub, string> {
  const { config, store, log } = parts;
  let authority: string;
  try {
    authority = readFileSync(config.PV_HUB_AUTHORITY, "latin1");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return err(
      `${config.PV_HUB_AUTHORITY} cannot be read (${code}), and without the hub's authority nobody is talked to`,
    );
  }
  const settings = {
    hub: { host: config.PV_HUB_HOST ?? "", port: config.PV_HUB_PORT },
    ...(config.PH_CREDS_PROXY_HOST === null
      ? {}
      : { proxy: { host: config.PH_CREDS_PROXY_HOST, port: config.PH_CREDS_PROXY_PORT } }),
    authority,
    token: config.PV_HUB_TOKEN,
    folder: `${store.root}/config/cairn`,
    storage: store.root,
    reservedPercent: config.PV_STORAGE_GC_RESERVED,
    mode:
      config.PV_LINK_MODE === "wake"
        ? ({ kind: "wake", everyMs: config.PV_LINK_WAKE_INTERVAL } as const)
        : ({ kind: "always" } as const),
    keepaliveS: Math.round(config.PV_LINK_KEEPALIVE / 1000),
    caps: { dayBytes: config.PV_LINK_DAY_BYTES || null, monthBytes: config.PV_LINK_MONTH_BYTES || null },
    datagrams: config.PV_LINK_DATAGRAMS,
    version,
  };
  const revisions = openHubRevisions({
    ...parts,
    reservedPercent: config.PV_STORAGE_GC_RESERVED,
    say: (message) => link.say(message),
  });
  const metadata = openHubMetadata({
    metadata: parts.metadata,
    log,
    say: (message) => link.say(message),
    setTimer: realTimer,
  });
  const commands = openHubCommands({
    ...parts,
    running: () => parts.running().name,
    say: (message) => link.say(message),
    setTimer: realTimer,
  });
  const link: HubLink = openHubLink({
    settings,
    clock: parts.clock,
    log,
    state: () => stateOf(parts),
    start: () => startProcess(log),
    begun() {
      revisions.begin();
      metadata.begin();
    },
    metadata,
    hear(message) {
      if (message.kind === "command" || message.kind === "resultKept") commands.hear(message);
      else revisions.hear(message);
    },
    now: () => performance.now(),
    setTimer: realTimer,
  });
  const { changed, stop } = link;
  link.start();
  return ok({
    fetch: revisions.fetch,
    changed() {
      changed();
      revisions.changed();
      metadata.changed();
    },
    stop() {
      metadata.stop();
      stop();
    },
  });
}

async function stateOf({ store, running, containers, updating }: LinkParts): Promise<State> {
  const { name: rev } = running();
  const [text, progress] = [await readState(store, rev), await readProgress(store, rev)];
  const status = progress.ok ? (progress.value?.status ?? null) : null;
  return {
    kind: "state",
    running: rev,
    stateDigest: stateDigest(text.ok ? text.value : new Uint8Array()),
    status: updateStatuses.find((known) => known === status) ?? "DONE", // the factory has no record
    containers: containers().map(({ name, status: how, goal }) => ({
      name,
      status: how,
      goalReached: goal === "reached",
    })),
    safeMode: updating.view().safe,
    local: isLocal(rev),
  };
}

function startProcess(log: Logger): Result<LinkProcess, string> {
  const started = spawnChild([process.execPath, "link"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: linkEnvironment(process.env),
  });
  if (!started.ok) return err(`cannot be started: ${explainSys(started.error)}`);
  const child = started.value;
  const bounded = [createCgroup(CGROUP), limitMemory(CGROUP, linkBounds.memoryBytes), joinCgroup(CGROUP, child.pid)];
  weighCpu(CGROUP, linkBounds.cpuWeight); // a kernel without that shares evenly
  for (const done of bounded) if (!done.ok) log.warn(`the link's memory is not bounded: ${explainLinux(done.error)}`);
  void complain(child.stderr, log);
  return ok({
    output: child.stdout,
    say(text) {
      child.stdin.write(text);
      child.stdin.flush();
    },
    ended: child.exited.then((code) =>
      child.signalCode === null ? `ended with code ${code}` : `was killed by ${child.signalCode}`,
    ),
    hangUp: () => void child.stdin.end(),
    kill: () => child.kill("SIGKILL"),
  });
}

async function complain(stderr: AsyncIterable<Uint8Array>, log: Logger): Promise<void> {
  try {
    for await (const line of lines(stderr, LINE_BYTES_MAX)) log.warn(line.slice(0, 1024));
  } catch {
    log.warn("the link to the hub complains at a length that nobody reads");
  }
}
