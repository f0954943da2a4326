import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import type { Json, Persistence, StorageVolume } from "./model.ts";
import { componentFault } from "./names.ts";
import { membersOf, nonEmpty, object, shaped } from "./shape.ts";

const Shape = object({ persistence: v.exactOptional(v.string()), disk: v.exactOptional(nonEmpty) });

/** `storage` of a container, `volumes` of the device (reference 2.4). */
export function parseStorage(
  value: Json | undefined,
  findings: Findings,
  key: string,
  step: string,
): readonly StorageVolume[] {
  return membersOf(value, findings, key, step).flatMap(([name, item]) => {
    const fault = componentFault(name);
    if (fault !== null)
      findings.refuse("shape", place(key, step, name), fault, "a volume named by one plain component of a path");
    const shape = shaped(Shape, item, findings, key, step, name);
    if (shape === null || fault !== null) return [];
    if (shape.persistence === undefined) {
      findings.warn(place(key, step, name), "ignored: it has no persistence");
      return [];
    }
    const persistence = parsePersistence(shape.persistence, place(key, step, name, "persistence"), findings);
    return [{ name, persistence, disk: shape.disk ?? null }];
  });
}

function parsePersistence(text: string, path: string, findings: Findings): Persistence {
  if (text === "permanent" || text === "revision" || text === "boot") return text;
  // "built-in" is what pvr writes for "no volume of its own" (reference 2.1); the original falls to boot too.
  findings.warn(path, `${shown(text)} counts as "boot": wanted "permanent", "revision" or "boot"`);
  return "boot";
}
