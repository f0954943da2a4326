/** The table of `model.ts`: what one event does to one container in one phase. Looks at nothing but that container. */
import type { Supervised } from "./model.ts";
import {
  becomeReady,
  becomeStable,
  type Column,
  type ContainerEvent,
  cancelMount,
  cancelStart,
  changeMind,
  end,
  goOn,
  halt,
  haltLate,
  holdVolumes,
  type In,
  kill,
  letGo,
  type Moved,
  noteReady,
  type On,
  type PhaseName,
  queue,
  recover,
  release,
  renew,
  run,
  startAnew,
  stayDown,
} from "./moves.ts";

type Cell<P extends PhaseName, C extends Column> = (container: In<P>, event: On<C>, stopGraceMs: number) => Moved;
/**
 * Complete by type: a new phase or event does not compile before each of its cells is decided, and a cell only for
 * phases it fits.
 */
type Table = { readonly [P in PhaseName]: { readonly [C in Column]: Cell<P, C> } };

const no = (container: Supervised): Moved => [container, []];

// biome-ignore format: four lines a phase: what effects came to, what the user wishes, time and the device, another plan
const table: Table = {
  none: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: no, stop: stayDown, restart: no,
    begin: queue, tick: no, shutdown: stayDown,
    replaced: renew, removed: stayDown,
  },
  waiting: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: no, stop: stayDown, restart: no,
    begin: no, tick: no, shutdown: stayDown,
    replaced: renew, removed: stayDown,
  },
  mounting: {
    mounted: holdVolumes, mountFailed: end, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: no, stop: cancelMount, restart: no,
    begin: no, tick: no, shutdown: cancelMount,
    replaced: cancelMount, removed: cancelMount,
  },
  mounted: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: no, stop: letGo, restart: no,
    begin: no, tick: no, shutdown: no,
    replaced: letGo, removed: letGo,
  },
  starting: {
    mounted: no, mountFailed: no, started: run, startFailed: end, exited: end, released: no, ready: noteReady,
    start: no, stop: cancelStart, restart: cancelStart,
    begin: no, tick: no, shutdown: cancelStart,
    replaced: cancelStart, removed: cancelStart,
  },
  started: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: end, released: no, ready: becomeReady,
    start: no, stop: halt, restart: halt,
    begin: no, tick: becomeStable, shutdown: halt,
    replaced: halt, removed: halt,
  },
  ready: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: end, released: no, ready: no,
    start: no, stop: halt, restart: halt,
    begin: no, tick: becomeStable, shutdown: halt,
    replaced: halt, removed: halt,
  },
  cancellingMount: {
    mounted: release, mountFailed: release, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: changeMind, stop: changeMind, restart: changeMind,
    begin: no, tick: no, shutdown: changeMind,
    replaced: changeMind, removed: changeMind,
  },
  cancellingStart: {
    mounted: no, mountFailed: no, started: haltLate, startFailed: release, exited: release, released: no, ready: no,
    start: changeMind, stop: changeMind, restart: changeMind,
    begin: no, tick: kill, shutdown: changeMind,
    replaced: changeMind, removed: changeMind,
  },
  halting: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: release, released: no, ready: no,
    start: changeMind, stop: changeMind, restart: changeMind,
    begin: no, tick: kill, shutdown: changeMind,
    replaced: changeMind, removed: changeMind,
  },
  releasing: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: goOn, ready: no,
    start: changeMind, stop: changeMind, restart: changeMind,
    begin: no, tick: no, shutdown: changeMind,
    replaced: changeMind, removed: changeMind,
  },
  recovering: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: startAnew, stop: stayDown, restart: startAnew,
    begin: no, tick: recover, shutdown: stayDown,
    replaced: startAnew, removed: stayDown,
  },
  stopped: {
    mounted: no, mountFailed: no, started: no, startFailed: no, exited: no, released: no, ready: no,
    start: startAnew, stop: stayDown, restart: startAnew,
    begin: no, tick: no, shutdown: stayDown,
    replaced: startAnew, removed: stayDown,
  },
};

/** Applies one event to one container. */
export function transition(container: Supervised, event: ContainerEvent, stopGraceMs: number): Moved {
  const timed = event.kind === "tick" ? runOut(container, event.atMs) : container;
  const column = event.kind === "request" ? event.action : event.kind;
  // Row and column are chosen by the very values that are handed in; the compiler cannot see that they belong together.
  const cell = table[timed.phase.at][column] as Cell<PhaseName, Column>;
  return cell(timed as In<PhaseName>, event, stopGraceMs);
}

function runOut(container: Supervised, atMs: number): Supervised {
  const { goalTimer } = container;
  return goalTimer.at === "running" && goalTimer.untilMs <= atMs
    ? { ...container, goalTimer: { at: "over" } }
    : container;
}
