import {
  type ContainerError,
  type Containers,
  explainContainerError,
  type StartedContainer,
} from "../containers/index.ts";
import type { ExitedChild, WaitStatus } from "../linux/index.ts";
import type { Logger } from "../logs/index.ts";
import type { MonitorEvent } from "../lxc/index.ts";
import { invariant, type Result } from "../result.ts";
import type { Container, ContainerName, State } from "../state/index.ts";
import {
  type Effect,
  nextDeadline,
  type Plan,
  type ProcessEnd,
  type RunEnd,
  type Supervision,
  type SupervisionEvent,
  step,
  supervision,
} from "../supervise/index.ts";

/** A revision with what it takes to run it. */
export interface RunnableRevision {
  readonly name: string;
  readonly state: State;
  readonly plan: Plan;
  /** Of this revision: its layout, disks and drivers. */
  readonly containers: Containers;
  /**
   * Checks the container's objects and makes its storage; a reason in words when that cannot be. Asked before each mount,
   * when the container is down already: quick for what was checked before and did not change since.
   */
  prepare(container: Container): Promise<Result<void, string>>;
}

/** What a running revision needs of the rest of the runtime. */
export interface RunningPorts {
  readonly log: Logger;
  /** Monotonic milliseconds. */
  now(): number;
  /** Its init runs. */
  onStarted(container: Container, started: StartedContainer): void;
  /** Its volumes are about to be unmounted. */
  onRelease(container: Container): void;
  /** The status of a container is another than before. */
  onStatus(): void;
  /** News for the device as a whole: goals, failures, the end of a shutdown. */
  onNews(effect: News): void;
}

export type News = Extract<Effect, { kind: "revisionFailed" | "gaveUp" | "goals" | "stable" | "allStopped" }>;

export interface Running {
  view(): Supervision;
  send(event: EventWithoutTime): void;
  /**
   * Takes over to another revision without a reboot (see Replans in `supervise/model.ts`); nothing during a shutdown.
   * A container that runs goes on, and comes down, as its own revision says. To keep the time short in which an affected
   * one is down: `next.prepare` each of them before this.
   */
  replace(next: RunnableRevision, affected: ReadonlySet<ContainerName>): void;
  /**
   * Revisions that a container was mounted from and not released since. A container that was taken over keeps the files
   * and the `revision` storage of an older one until its next start; they must not be collected.
   */
  revisionsInUse(): ReadonlySet<string>;
  /** An event of liblxc's monitor FIFO. */
  monitorEvent(event: MonitorEvent): void;
  /** A child of PID 1 that nobody waited for: it may be a container's monitor, which then can report nothing any more. */
  childReaped(child: ExitedChild): void;
}

type WithoutTime<E> = E extends unknown ? Omit<E, "atMs"> : never;
export type EventWithoutTime = Exclude<WithoutTime<SupervisionEvent>, { kind: "replan" }>;

/** "exited with code 3", "was killed by signal 9", or why it did not start. */
export function explainEnd(end: RunEnd): string {
  switch (end.kind) {
    case "exit":
      return `exited with code ${end.code}`;
    case "signal":
      return `was killed by signal ${end.signal}`;
    case "mountFailed":
    case "startFailed":
      return end.reason;
  }
}

const recordTurns = 10;
const recordTurnMs = 20;

/** A container as one revision has it; from its mount to its release. */
interface Incarnation {
  readonly container: Container;
  readonly revision: RunnableRevision;
}

/** Something that happens, with the revision that it brings. */
interface Happening {
  readonly event: WithoutTime<SupervisionEvent>;
  readonly next: RunnableRevision | null;
}

/** One run of a container; the process that reports its end, once that is known. */
interface Run {
  monitorPid: number | null;
}

const processEnd = (status: WaitStatus): ProcessEnd =>
  status.kind === "exit" ? status : { kind: "signal", signal: status.number };

/**
 * Carries out supervision's effects on this machine and tells it what came of them. One event at a time, in order; work that
 * takes longer (checking objects, sweeping) comes back as an event of its own.
 */
export function run(first: RunnableRevision, ports: RunningPorts): Running {
  const { log } = ports;
  /** What is mounted, or is being so; the next mount is of the newest revision. */
  const up = new Map<ContainerName, Incarnation>();
  /** Runs that have begun and whose end has not been told yet. */
  const alive = new Map<ContainerName, Run>();
  const queue: Happening[] = [];
  let newest = first;
  let current = supervision(first.plan);
  let timer: Timer | undefined;
  let draining = false;

  const mounted = (name: ContainerName): Incarnation => {
    const found = up.get(name);
    invariant(found !== undefined, `container ${name} was mounted`);
    return found;
  };

  const send = (event: EventWithoutTime): void => happen({ event, next: null });

  function happen(happening: Happening): void {
    queue.push(happening);
    if (draining) return;
    draining = true;
    for (let now = queue.shift(); now !== undefined; now = queue.shift()) {
      const [after, effects] = step(current, { ...now.event, atMs: ports.now() } as SupervisionEvent);
      current = after;
      if (now.next !== null) newest = now.next; // during a shutdown nothing is mounted any more
      for (const effect of effects) perform(effect);
    }
    draining = false;
    arm();
  }

  function arm(): void {
    clearTimeout(timer);
    const deadline = nextDeadline(current);
    if (deadline === null) return;
    timer = setTimeout(() => send({ kind: "tick" }), Math.max(0, Math.ceil(deadline - ports.now())));
  }

  function failure(name: ContainerName, kind: "mountFailed" | "startFailed", error: ContainerError | string): void {
    const reason = typeof error === "string" ? error : explainContainerError(error);
    log.error(`${name}: ${reason}`);
    send({ kind, name, reason });
  }

  async function mount(name: ContainerName): Promise<void> {
    const revision = newest;
    const container = revision.state.containers.find((candidate) => candidate.name === name);
    invariant(container !== undefined, `container ${name} is in the state, as it is in the plan`);
    up.set(name, { container, revision });
    const good = await revision.prepare(container);
    const done = good.ok ? revision.containers.mount(container) : good;
    if (done.ok) send({ kind: "mounted", name });
    else failure(name, "mountFailed", done.error);
  }

  async function start(name: ContainerName): Promise<void> {
    const run: Run = { monitorPid: null };
    alive.set(name, run);
    const { container, revision } = mounted(name);
    const started = await revision.containers.start(container);
    if (!started.ok) {
      alive.delete(name);
      failure(name, "startFailed", started.error);
      return;
    }
    if (alive.get(name) !== run) return; // it has ended already, and that was told
    run.monitorPid = started.value.monitorPid;
    if (started.value.pid === 0) {
      // It has ended already. If its record is lost, nobody knows how; that it did not end well is the safe guess.
      void endWithoutRecord(name, run, { kind: "signal", signal: 9 });
      return;
    }
    ports.onStarted(container, started.value);
    send({ kind: "started", name, pid: started.value.pid });
  }

  async function release(name: ContainerName): Promise<void> {
    const { container, revision } = mounted(name);
    ports.onRelease(container);
    for (const problem of await revision.containers.release(container)) log.warn(`${name}: left behind: ${problem}`);
    up.delete(name);
    send({ kind: "released", name });
  }

  function perform(effect: Effect): void {
    switch (effect.kind) {
      case "mount":
        void mount(effect.name);
        return;
      case "start":
        void start(effect.name);
        return;
      case "stop": {
        const { container, revision } = mounted(effect.name);
        revision.containers.halt(container);
        return;
      }
      case "kill": {
        const { container, revision } = mounted(effect.name);
        revision.containers.kill(container);
        return;
      }
      case "release":
        void release(effect.name);
        return;
      case "status":
        log.info(`${effect.name}: ${effect.from} → ${effect.to}`);
        ports.onStatus();
        return;
      case "recovering":
        log.warn(`${effect.name} ${explainEnd(effect.end)}; retry ${effect.retry} in ${effect.delayMs} ms`);
        return;
      case "finished":
        log.info(`${effect.name} has done its job`);
        return;
      case "stable":
        log.info(`${effect.name} is stable`);
        ports.onNews(effect);
        return;
      case "revisionFailed":
      case "gaveUp":
      case "goals":
      case "allStopped":
        ports.onNews(effect);
        return;
    }
  }

  function ended(name: ContainerName, end: ProcessEnd): void {
    if (alive.delete(name)) send({ kind: "exited", name, end });
  }

  /**
   * The end of a monitor whose record may still be in the FIFO, which says more: it is read first. Turns of the loop are waited for
   * and not time alone, since the starts of other containers may just have held the loop up for longer than any pause.
   */
  async function endWithoutRecord(name: ContainerName, run: Run, end: ProcessEnd): Promise<void> {
    for (let turn = 0; turn < recordTurns && alive.get(name) === run; turn++) await Bun.sleep(recordTurnMs);
    if (alive.get(name) !== run) return;
    log.warn(`${name}: its monitor ended without a report`);
    ended(name, end);
  }

  return {
    view: () => current,
    send,
    replace: (next, affected) => happen({ event: { kind: "replan", plan: next.plan, affected }, next }),
    revisionsInUse: () => new Set([...up.values()].map(({ revision }) => revision.name)),
    monitorEvent(event) {
      if (event.kind === "exit") ended(event.container as ContainerName, processEnd(event.status));
    },
    childReaped({ pid, status }) {
      for (const [name, run] of alive) {
        if (run.monitorPid === pid) void endWithoutRecord(name, run, processEnd(status));
      }
    },
  };
}
