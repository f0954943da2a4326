/** Which blocks are asked for when, of those that a fetch wants in order. Plain data; pure. */
import { RUNS_MAX, type Run } from "../sealed/index.ts";

export interface Asking {
  /** The first one that is lacking, and the one behind the last. */
  readonly next: number;
  readonly end: number;
  /** What came before its turn. */
  readonly early: ReadonlySet<number>;
  /** What was asked for and has not come, in the order in which it should. */
  readonly asked: readonly number[];
  /** The same with what was taken for lost, and may come all the same: oldest first. */
  readonly underWay: readonly { readonly index: number; readonly atMs: number }[];
  /** Since something came, or was asked for. */
  readonly quietSinceMs: number;
  /** Requests in a row that led to nothing. */
  readonly silences: number;
}

/** Few seconds of a link of 9.6 kbit/s, so that what was lost is soon sent again and little waits behind it. */
const WINDOW = 8;
/** The same where several requests have led to nothing: the link is away, or what was asked for comes late and twice. */
const [SILENCES_AWAY, WINDOW_AWAY] = [2, 2];
/** What comes before its turn is in memory, and gone with a power cut. */
const AHEAD = 16;
/** A block takes a second there, and as long to be asked for. */
const SILENT_MS = 6_000;
const SILENT_MAX_MS = 20_000;
/** What has not come by then was lost. */
const LOST_MS = 15_000;

export const asking = (next: number, end: number, atMs: number): Asking => ({
  next,
  end,
  early: new Set(),
  asked: [],
  underWay: [],
  quietSinceMs: atMs,
  silences: 0,
});

/** A block has come; false: nobody waits for it. What was asked for before it is lost: the way keeps the order, mostly. */
export function came(before: Asking, index: number, atMs: number): readonly [Asking, useful: boolean] {
  const asking = arrived(before, index);
  const { next, end, early, asked } = asking;
  if (index < next || index >= Math.min(end, next + AHEAD) || early.has(index)) return [asking, false];
  const place = asked.indexOf(index);
  const there = new Set(early).add(index);
  let first = next;
  for (; there.has(first); first += 1) there.delete(first);
  const after = {
    ...asking,
    next: first,
    early: there,
    asked: asked.slice(place + 1),
    quietSinceMs: atMs,
    silences: 0,
  };
  return [after, true];
}

/** What to ask for now, when half of what was asked for is there; empty: nothing. `most`: so many may be on their way. */
export function asked(asking: Asking, atMs: number, most = WINDOW): readonly [Asking, readonly Run[]] {
  const { next, end, early } = asking;
  const window = asking.silences < SILENCES_AWAY ? WINDOW : WINDOW_AWAY;
  if (asking.asked.length > window / 2) return [asking, []];
  const runs: { from: number; count: number }[] = [];
  const now: number[] = [];
  for (let index = next; index < Math.min(end, next + AHEAD); index += 1) {
    if (asking.asked.length + now.length >= Math.min(window, most)) break;
    if (early.has(index) || asking.asked.includes(index)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.from + last.count === index) last.count += 1;
    else if (runs.length < RUNS_MAX) runs.push({ from: index, count: 1 });
    now.push(index);
  }
  if (now.length === 0) return [asking, []];
  const underWay = [...mayCome(asking, atMs), ...now.map((index) => ({ index, atMs }))];
  return [{ ...asking, asked: [...asking.asked, ...now], underWay, quietSinceMs: atMs }, runs];
}

/** Of what is under way, that which may be: the rest was asked for so long ago that it was lost. */
export const mayCome = ({ underWay }: Asking, atMs: number): Asking["underWay"] =>
  underWay.filter((one) => atMs - one.atMs < LOST_MS);

const arrived = (asking: Asking, index: number): Asking => ({
  ...asking,
  underWay: asking.underWay.slice(asking.underWay.findIndex((one) => one.index === index) + 1),
});

/** When nothing has come for so long that it is asked for again: later each time. */
export const deadline = ({ quietSinceMs, silences }: Asking): number =>
  quietSinceMs + Math.min(SILENT_MAX_MS, SILENT_MS * 2 ** Math.min(silences, 10));

/** Nothing came: all that was asked for is lost. */
export const silent = (asking: Asking): Asking => ({ ...unanswered(asking), silences: asking.silences + 1 });

/** What was asked for is not expected any more. */
const unanswered = (asking: Asking): Asking => ({ ...asking, asked: [] });

/** A request was answered with something else than blocks: those do not come. */
export const refused = (asking: Asking): Asking => ({ ...unanswered(asking), underWay: [] });
