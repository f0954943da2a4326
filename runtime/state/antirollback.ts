import * as v from "valibot";
import { invariant } from "../result.ts";
import { type Document, foldersWith, inlineJson } from "./document.ts";
import { place, shown } from "./fault.ts";
import type { ContainerName, State } from "./model.ts";
import { parseContainerName } from "./names.ts";
import { isObject, object, shaped } from "./shape.ts";

/** A part of a state that is versioned on its own: a container's folder, or the base system. */
export type Part = ContainerName | "bsp";

/**
 * `<part>/antirollback.json`, a key of Cairn's: `version` grows with each release that must not be undone. Once a revision with it is
 * committed, the device takes no version of the part below `minimum`. With 0, the default, nothing is refused.
 */
export interface AntiRollback {
  readonly version: number;
  /** At most `version`: a revision cannot forbid itself. */
  readonly minimum: number;
}

/** The lowest version of each part that this device still takes; a part that it does not name may have any, or none. */
export type Floor = ReadonlyMap<Part, number>;

/** A part of a state that the floor forbids; `version` null: it says none, as older releases do. */
export interface BelowFloor {
  readonly part: Part;
  readonly version: number | null;
  readonly floor: number;
}

const FILE = "antirollback.json";
const MEMBERS = ["version", "minimum"];
const VERSION_MAX = 2 ** 31 - 1;

const isVersion = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= VERSION_MAX;
const version = v.pipe(v.number(), v.check(isVersion, `a whole number from 0 to ${VERSION_MAX}`));

/** Other members are refused: a misspelt `minimum` would leave the door open. */
const AntiRollbackShape = v.pipe(
  v.unknown(),
  v.check(isObject, "an object"),
  v.check((value) => Object.keys(Object(value)).every((name) => MEMBERS.includes(name)), `only ${MEMBERS.join(", ")}`),
  object({ version, minimum: v.exactOptional(version, 0) }),
  v.check((it) => it.minimum <= it.version, "a minimum that is at most the version"),
);

const parsePart = (text: string): Part | null => (text === "bsp" ? text : parseContainerName(text));

/** Refuses a state in which one of these files is wrong or stands where it would protect nothing. */
export function checkAntiRollback(document: Document): void {
  const { findings } = document;
  for (const folder of ["bsp", ...foldersWith(document, FILE)]) {
    const key = `${folder}/${FILE}`;
    const value = inlineJson(document, key);
    if (value === undefined) continue;
    if (parsePart(folder) === null)
      findings.refuse("name", place(key), shown(folder), "the folder of a container, or bsp");
    shaped(AntiRollbackShape, value, findings, key);
  }
}

/** What each part of a state says of its version; parts that say nothing are not in it. */
export function antiRollbackOf({ entries }: Pick<State, "entries">): ReadonlyMap<Part, AntiRollback> {
  const found = new Map<Part, AntiRollback>();
  for (const entry of entries) {
    const [folder = "", file, ...deeper] = entry.key.split("/");
    const part = file === FILE && deeper.length === 0 ? parsePart(folder) : null;
    if (part === null || entry.kind !== "inline") continue;
    const shape = v.safeParse(AntiRollbackShape, entry.value);
    invariant(shape.success, `${entry.key} was checked when the state was parsed`);
    found.set(part, { version: shape.output.version, minimum: shape.output.minimum });
  }
  return found;
}

/** The parts of a state that are below the floor. One that the state does not have at all cannot be: leaving it out undoes nothing. */
export function belowFloor(state: Pick<State, "entries">, floor: Floor): readonly BelowFloor[] {
  const said = antiRollbackOf(state);
  const there = new Set(state.entries.map(({ key }) => key.split("/", 1)[0]));
  return [...floor].flatMap(([part, lowest]) => {
    const version = said.get(part)?.version ?? null;
    return there.has(part) && (version === null || version < lowest) ? [{ part, version, floor: lowest }] : [];
  });
}

/** The floor after a state was committed: it never sinks, and keeps parts that the state does not have. */
export function raisedFloor(floor: Floor, state: Pick<State, "entries">): Floor {
  const raised = new Map(floor);
  for (const [part, { minimum }] of antiRollbackOf(state)) {
    if (minimum > (floor.get(part) ?? 0)) raised.set(part, minimum);
  }
  return raised;
}

/** A floor from JSON, `{"<part>": <version>}`; null: it is none. */
export function parseFloor(value: unknown): Floor | null {
  if (!isObject(value)) return null;
  const floor = new Map<Part, number>();
  for (const [name, lowest] of Object.entries(value)) {
    const part = parsePart(name);
    if (part === null || typeof lowest !== "number" || !isVersion(lowest)) return null;
    floor.set(part, lowest);
  }
  return floor;
}
