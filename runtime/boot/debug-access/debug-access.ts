import type { Logger } from "../../logs/index.ts";
import { ok, type Result } from "../../result.ts";
import { type Access, type AccessEvent, CLOSED, type End, lookAgainInMs, step } from "./access.ts";
import { type Denial, type Served, SSH_PORT, type SshServer } from "./model.ts";

export interface DebugAccessPorts {
  /** Loaded when it is wanted for the first time. */
  server(): Promise<SshServer>;
  readonly log: Pick<Logger, "warn" | "error">;
  /** It opened, closed, or stays open for longer. */
  onChange(): void;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Calls once, `ms` from now or a little later; the value takes that back. */
  setTimer(ms: number, fire: () => void): () => void;
}

/** A shell of root's over SSH, for a time. Closed at each boot. */
export interface DebugAccess {
  /**
   * Opens it for so long from now, at most 24 days; null: until the next boot. When it is open already it stays so for the longer of both.
   * Comes back when the server listens; the value says how to get in.
   */
  open(forMs: number | null): Promise<Result<string, Denial>>;
  /** Ends it, with all its sessions. False: it was closed. */
  close(): Promise<boolean>;
  /** "until 2026-11-26T15:40:00Z", "until the next boot"; null: it is closed. */
  view(): string | null;
}

export function openDebugAccess(ports: DebugAccessPorts): DebugAccess {
  const { log, now } = ports;
  let access: Access = CLOSED;
  /** Null: nothing listens. */
  let served: Served | null = null;
  let shown: { readonly end: End; readonly words: string } | null = null;
  let stopTimer = (): void => {};
  let turn: Promise<unknown> = Promise.resolve();

  /** One happening after the other: nothing is opened while something else is being closed. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = turn.then(act);
    turn = done;
    return done;
  }

  /** The value says how to get in now. */
  const send = (event: AccessEvent): Promise<Result<string, Denial>> =>
    inTurn(async () => {
      const done = await happen(event);
      settle();
      return done.ok ? ok(`SSH on port ${SSH_PORT} ${shown?.words}, host key ${served?.fingerprint}`) : done;
    });

  async function happen(event: AccessEvent): Promise<Result<void, Denial>> {
    const [next, act] = step(access, event, now());
    access = next;
    if (act === "end") await end();
    const done = act === "serve" ? await serve() : ok(undefined);
    if (!done.ok) await happen({ kind: "notServed" });
    return done;
  }

  async function end(): Promise<void> {
    served = null;
    await (await ports.server()).end();
  }

  async function serve(): Promise<Result<void, Denial>> {
    if (served !== null) return ok(undefined);
    const started = await (await ports.server()).start();
    if (!started.ok) return started;
    const mine = started.value;
    served = mine;
    void mine.ended.then((how) => inTurn(() => lost(mine, how)));
    return ok(undefined);
  }

  async function lost(one: Served, how: string): Promise<void> {
    if (served !== one) return;
    served = null;
    log.error(`the SSH server ${how}`);
    settle();
  }

  async function look(): Promise<void> {
    const done = await send({ kind: "looked" });
    if (!done.ok) log.error(done.error.why);
  }

  /** After each happening: tells what is new, and sees to it that the end comes. */
  function settle(): void {
    stopTimer();
    const waitMs = lookAgainInMs(access, served !== null, now());
    stopTimer = waitMs === null ? () => {} : ports.setTimer(waitMs, () => void look());
    const before = shown;
    if (access.kind === "closed") shown = null;
    else if (before?.end !== access.end) shown = { end: access.end, words: wordsOf(access.end) };
    if (shown === before) return;
    log.warn(shown === null ? "debug access is closed" : `debug access is open ${shown.words}`);
    ports.onChange();
  }

  function wordsOf(end: End): string {
    if (end === null) return "until the next boot";
    return `until ${new Date(ports.wallMs() + end - now()).toISOString().replace(/\.\d+Z$/, "Z")}`;
  }

  return {
    open: (forMs) => send({ kind: "ordered", end: forMs === null ? null : now() + forMs }),
    async close() {
      const wasOpen = shown !== null;
      await send({ kind: "endOrdered" });
      return wasOpen;
    },
    view: () => shown?.words ?? null,
  };
}
