import type { Json } from "../../../state/index.ts";
import type { Findings } from "./findings.ts";
import { mountPath } from "./paths.ts";

/** One member of `storage` in run.json (reference 2.4), and where the container sees it. */
export interface Storage {
  /** `lxc-overlay`, or `docker-` and the path with every `/` turned into `-`. */
  readonly name: string;
  /** Absolute path in the container; null for `lxc-overlay`. */
  readonly path: string | null;
  readonly entry: { readonly persistence: string; readonly disk?: string; readonly owner?: string };
}

const OVERLAY = "lxc-overlay";

/** What an author may ask for: `permanent`, `revision`, `boot`, each with `@` and a disk; `built-in`: no storage of its own. */
const PERSISTENCE = /^(permanent|revision|boot)(?:@([A-Za-z0-9._-]{1,64}))?$/;

export const storageName = (path: string): string => `docker-${path.replace(/\/$/, "").replaceAll("/", "-")}`;

/** Components of a path are file names of ext4 (NAME_MAX), and the storage's name is one. */
const NAME_BYTES_MAX = 255;

/**
 * Storage of a container: what the author asks for, and `permanent` for what the image alone calls a volume. Sorted by path, so that
 * an outer one is mounted before what lies in it. A volume that is new on a device belongs to the container's user, who is to write there.
 */
export function storageOf(
  persistence: Readonly<Record<string, string>>,
  imageVolumes: readonly string[],
  user: { readonly uid: number; readonly gid: number } | null,
  findings: Findings,
): readonly Storage[] {
  const asked = new Map<string, { readonly place: string; readonly value: string }>();
  for (const path of imageVolumes) {
    const clean = mountPath(path);
    const place = `docker_config.Volumes.${path}`;
    if (clean === null) findings.refuse("image", place, path, "an absolute path below /");
    else asked.set(clean, { place, value: "permanent" });
  }
  let overlay: Storage["entry"] = { persistence: "boot" };
  for (const [key, value] of Object.entries(persistence)) {
    const place = `persistence.${key}`;
    const path = key === OVERLAY ? OVERLAY : mountPath(key);
    if (path === null) {
      findings.refuse("shape", place, key, `${OVERLAY}, or an absolute path below / in the container (no "ovl:")`);
    } else if (path === OVERLAY) {
      overlay = entryOf(value, place, findings) ?? overlay;
    } else {
      asked.set(path, { place, value });
    }
  }

  const owner = user === null || user.uid === 0 ? {} : { owner: `${user.uid}:${user.gid}` };
  const byName = new Map<string, string>();
  const volumes = [...asked]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, { place, value }]): readonly Storage[] => {
      const entry = entryOf(value, place, findings);
      if (entry === null) return [];
      const name = storageName(path);
      const other = byName.get(name);
      byName.set(name, path);
      if (other !== undefined) {
        findings.refuse("clash", place, path, `a volume whose storage is not that of ${other} too, ${name}`);
        return [];
      }
      if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
        findings.refuse("image", place, path, `a path of at most ${NAME_BYTES_MAX - "docker-".length} bytes`);
        return [];
      }
      return [{ name, path, entry: { ...entry, ...owner } }];
    });
  return [...volumes, { name: OVERLAY, path: null, entry: overlay }];
}

function entryOf(value: string, place: string, findings: Findings): Storage["entry"] | null {
  if (value === "built-in") return null;
  const [, persistence, disk] = PERSISTENCE.exec(value) ?? [];
  if (persistence !== undefined) return { persistence, ...(disk === undefined ? {} : { disk }) };
  findings.refuse("shape", place, value, "permanent, revision or boot, with @ and the name of a disk where it has one");
  return null;
}

export const storageJson = (storage: readonly Storage[]): Json =>
  Object.fromEntries(storage.map(({ name, entry }) => [name, { ...entry }]));
