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

/** What a running revision needs of the rest of the runtime. */
export interface RunningPorts {
  readonly containers: Containers;
  readonly log: Logger;
  /** Monotonic milliseconds. */
  now(): number;
  /** Checks the container's objects and makes its storage; a reason in words when that cannot be. */
  prepare(container: Container): Promise<Result<void, string>>;
  /** Its init runs. */
  onStarted(container: Container, started: StartedContainer): void;
  /** Its volumes are about to be unmounted. */
  onRelease(container: Container): void;
  /** News for the device as a whole: goals, failures, the end of a shutdown. */
  onNews(effect: News): void;
}

export type News = Extract<Effect, { kind: "revisionFailed" | "gaveUp" | "goals" | "allStopped" }>;

export interface Running {
  view(): Supervision;
  send(event: EventWithoutTime): void;
  /** An event of liblxc's monitor FIFO. */
  monitorEvent(event: MonitorEvent): void;
  /** A child of PID 1 that nobody waited for: it may be a container's monitor, which then can report nothing any more. */
  childReaped(child: ExitedChild): void;
}

type WithoutTime<E> = E extends unknown ? Omit<E, "atMs"> : never;
export type EventWithoutTime = WithoutTime<SupervisionEvent>;

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
export function run(state: State, plan: Plan, ports: RunningPorts): Running {
  const { containers, log } = ports;
  const byName = new Map<string, Container>(state.containers.map((container) => [container.name, container]));
  /** Runs that have begun and whose end has not been told yet. */
  const alive = new Map<ContainerName, Run>();
  const queue: EventWithoutTime[] = [];
  let current = supervision(plan);
  let timer: Timer | undefined;
  let draining = false;

  const container = (name: string): Container => {
    const found = byName.get(name);
    invariant(found !== undefined, `container ${name} is in the state`);
    return found;
  };

  function send(event: EventWithoutTime): void {
    queue.push(event);
    if (draining) return;
    draining = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [after, effects] = step(current, { ...next, atMs: ports.now() } as SupervisionEvent);
      current = after;
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
    const good = await ports.prepare(container(name));
    const mounted = good.ok ? containers.mount(container(name)) : good;
    if (mounted.ok) send({ kind: "mounted", name });
    else failure(name, "mountFailed", mounted.error);
  }

  async function start(name: ContainerName): Promise<void> {
    const run: Run = { monitorPid: null };
    alive.set(name, run);
    const started = await containers.start(container(name));
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
    ports.onStarted(container(name), started.value);
    send({ kind: "started", name, pid: started.value.pid });
  }

  async function release(name: ContainerName): Promise<void> {
    ports.onRelease(container(name));
    for (const problem of await containers.release(container(name))) log.warn(`${name}: left behind: ${problem}`);
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
      case "stop":
        containers.halt(container(effect.name));
        return;
      case "kill":
        containers.kill(container(effect.name));
        return;
      case "release":
        void release(effect.name);
        return;
      case "status":
        log.info(`${effect.name}: ${effect.from} → ${effect.to}`);
        return;
      case "recovering":
        log.warn(`${effect.name} ${explainEnd(effect.end)}; retry ${effect.retry} in ${effect.delayMs} ms`);
        return;
      case "finished":
        log.info(`${effect.name} has done its job`);
        return;
      case "stable":
        log.info(`${effect.name} is stable`);
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
    monitorEvent(event) {
      const found = byName.get(event.container);
      if (found === undefined || event.kind !== "exit") return;
      ended(found.name, processEnd(event.status));
    },
    childReaped({ pid, status }) {
      for (const [name, run] of alive) {
        if (run.monitorPid === pid) void endWithoutRecord(name, run, processEnd(status));
      }
    },
  };
}
