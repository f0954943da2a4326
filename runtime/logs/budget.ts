import type { LogConfig } from "./settings.ts";

/** Sizes that the log folder is held to (reference 11.4), in bytes. */
export interface Budget {
  readonly totalBytes: number;
  /** Above this something goes: 90 % of the total. */
  readonly highBytes: number;
  /** Until so much is left: total - gap, and never more than `highBytes`. */
  readonly lowBytes: number;
  /** A file that is larger is compressed away: gap / rotate factor. */
  readonly rotateAtBytes: number;
}

/** One file of the log folder. */
export interface LogFile {
  readonly path: string;
  /** Whose it is, `<rev>/<container>`: the owner with most bytes loses first. */
  readonly owner: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** `live`: something may still write to it. Files of revisions that do not run are archives too. */
  readonly role: "live" | "archive";
  /** Path of the log that it belongs to, and its place among that log's files, oldest first. */
  readonly series: string;
  readonly index: number;
}

export type Removal =
  | { readonly kind: "remove"; readonly path: string }
  /** The last resort, when live files alone are over the budget. */
  | { readonly kind: "empty"; readonly path: string };

/** Magic number of tmpfs, linux/magic.h. */
export const TMPFS_MAGIC = 0x01021994;
/** When the partition's size cannot be read: what the original's documentation calls the default. */
const FALLBACK_BYTES = 16 << 20;
const HIGH = 0.9;
const AUTO = 0.1;
/** Less than this would rotate all the time; lxc.console.size has a page as its least value too. */
const ROTATE_AT_BYTES_MIN = 4096;

/** The budget for a partition of that size; null: unknown. A configured size above the partition's is cut to it, where the
 *  original refuses to boot. */
export function budgetOf(
  config: LogConfig,
  partition: { readonly sizeBytes: number; readonly magic: number } | null,
): Budget {
  const limit = config.PV_LOG_DIR_MAXSIZE;
  const size = partition?.sizeBytes ?? null;
  const automatic = size === null ? FALLBACK_BYTES : partition?.magic === TMPFS_MAGIC ? size : size * AUTO;
  const wanted =
    limit === null
      ? automatic
      : limit.kind === "bytes"
        ? limit.bytes
        : size === null
          ? FALLBACK_BYTES
          : (size * limit.percent) / 100;
  const totalBytes = Math.floor(Math.min(wanted, size ?? wanted));
  const gap = totalBytes / config.PV_LOG_HYSTERESIS_FACTOR;
  const highBytes = Math.floor(totalBytes * HIGH);
  return {
    totalBytes,
    highBytes,
    lowBytes: Math.min(highBytes, Math.floor(totalBytes - gap)),
    rotateAtBytes: Math.max(ROTATE_AT_BYTES_MIN, Math.floor(gap / config.PV_LOG_ROTATE_FACTOR)),
  };
}

/** Live files that have grown past their limit. */
export const toRotate = (files: readonly LogFile[], budget: Budget): readonly string[] =>
  files.filter((file) => file.role === "live" && file.bytes > budget.rotateAtBytes).map((file) => file.path);

/** The oldest archive among these. Clocks jump on devices without a battery, so within one log the numbers decide, and times only
 *  between logs. */
function oldest(archives: readonly LogFile[]): LogFile | undefined {
  const firstOf = new Map<string, LogFile>();
  for (const file of archives) {
    const first = firstOf.get(file.series);
    if (first === undefined || file.index < first.index) firstOf.set(file.series, file);
  }
  return [...firstOf.values()].reduce<LogFile | undefined>(
    (old, file) => (old === undefined || file.mtimeMs < old.mtimeMs ? file : old),
    undefined,
  );
}

/**
 * What has to go, in this order, so that the folder is within its budget. The oldest archive of the largest owner goes first, and
 * the largest owner is chosen anew each time; an owner without archives cannot lose one, the next largest does. Live files are
 * emptied, largest first, only when no archive is left and they are over the total by themselves.
 */
export function toRemove(files: readonly LogFile[], budget: Budget): readonly Removal[] {
  let total = files.reduce((sum, file) => sum + file.bytes, 0);
  if (total <= budget.highBytes) return [];
  const used = new Map<string, number>();
  const archives = new Map<string, LogFile[]>();
  for (const file of files) {
    used.set(file.owner, (used.get(file.owner) ?? 0) + file.bytes);
    // an empty one, or another name of a live file, would go without gaining anything
    if (file.role === "archive" && file.bytes > 0)
      archives.set(file.owner, [...(archives.get(file.owner) ?? []), file]);
  }
  const removals: Removal[] = [];
  while (total > budget.lowBytes) {
    const largest = [...archives.keys()].reduce<string | undefined>(
      (most, owner) => (most === undefined || (used.get(owner) ?? 0) > (used.get(most) ?? 0) ? owner : most),
      undefined,
    );
    const file = largest === undefined ? undefined : oldest(archives.get(largest) ?? []);
    if (largest === undefined || file === undefined) break;
    removals.push({ kind: "remove", path: file.path });
    total -= file.bytes;
    used.set(largest, (used.get(largest) ?? 0) - file.bytes);
    const left = (archives.get(largest) ?? []).filter((other) => other !== file);
    if (left.length > 0) archives.set(largest, left);
    else archives.delete(largest);
  }
  if (total <= budget.totalBytes) return removals;
  const live = files.filter((file) => file.role === "live").sort((a, b) => b.bytes - a.bytes);
  for (const file of live) {
    if (total <= budget.lowBytes) break;
    removals.push({ kind: "empty", path: file.path });
    total -= file.bytes;
  }
  return removals;
}
