import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import type { Json, Persistence, StorageVolume, VolumeOwner } from "./model.ts";
import { componentFault } from "./names.ts";
import { membersOf, nonEmpty, object, shaped } from "./shape.ts";

const Shape = object({
  persistence: v.exactOptional(v.string()),
  disk: v.exactOptional(nonEmpty),
  owner: v.exactOptional(v.string()),
});

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
    const owner = shape.owner === undefined ? null : parseOwner(shape.owner, place(key, step, name, "owner"), findings);
    return [{ name, persistence, disk: shape.disk ?? null, ...(owner === null ? {} : { owner }) }];
  });
}

/** Ids are 32 bits, and the last one means "nobody" to chown(2). */
const ID_MAX = 2 ** 32 - 2;

/** `<uid>:<gid>`, which the original does not know and passes over. */
function parseOwner(text: string, path: string, findings: Findings): VolumeOwner | null {
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (uid !== undefined && gid !== undefined && Number(uid) <= ID_MAX && Number(gid) <= ID_MAX)
    return { uid: Number(uid), gid: Number(gid) };
  findings.refuse("shape", path, shown(text), "<uid>:<gid>, both numbers");
  return null;
}

function parsePersistence(text: string, path: string, findings: Findings): Persistence {
  if (text === "permanent" || text === "revision" || text === "boot") return text;
  // "built-in" is what pvr writes for "no volume of its own" (reference 2.1); the original falls to boot too.
  findings.warn(path, `${shown(text)} counts as "boot": wanted "permanent", "revision" or "boot"`);
  return "boot";
}
