import { err, ok, type Result } from "../result.ts";
import type { SysError } from "./errno.ts";
import { readText } from "./libc.ts";
import { type MalformedError, malformed } from "./malformed.ts";

/** One line of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)); paths with their octal escapes undone. */
export type MountEntry = {
  readonly id: number;
  readonly parentId: number;
  readonly major: number;
  readonly minor: number;
  /** The folder of the file system that is mounted: "/" unless this is a bind mount of a part of it. */
  readonly root: string;
  readonly target: string;
  /** Options of this mount point: "rw", "nosuid", … */
  readonly options: readonly string[];
  /** Propagation: "shared:2", "master:1", … */
  readonly tags: readonly string[];
  readonly type: string;
  readonly source: string;
  /** Options of the file system, common to all its mount points. */
  readonly superOptions: readonly string[];
};

/** The kernel writes blank, tab, newline, backslash and "#" as a backslash and three octal digits. */
const unescapeOctal = (text: string): string =>
  text.includes("\\")
    ? text.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    : text;

/** Decodes the text of a mountinfo file. Lines come in the order of mounting, so a later entry covers an earlier one. */
export function parseMountinfo(text: string): Result<readonly MountEntry[], MalformedError> {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const entry = parseLine(line);
    if (entry === undefined)
      return err(malformed("mountinfo", "id parent major:minor root target … - type source", line));
    entries.push(entry);
  }
  return ok(entries);
}

function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  const device = /^(\d+):(\d+)$/.exec(fields[2] ?? "");
  const [id, parentId] = [Number(fields[0]), Number(fields[1])];
  const [type, source, superOptions] = fields.slice(dash + 1);
  if (dash < 0 || device === null || !Number.isInteger(id) || !Number.isInteger(parentId)) return undefined;
  if (type === undefined || source === undefined || superOptions === undefined) return undefined;
  return {
    id,
    parentId,
    major: Number(device[1]),
    minor: Number(device[2]),
    root: unescapeOctal(fields[3] ?? ""),
    target: unescapeOctal(fields[4] ?? ""),
    options: (fields[5] ?? "").split(","),
    tags: fields.slice(6, dash),
    type,
    source: unescapeOctal(source),
    superOptions: superOptions.split(","),
  };
}

/** What is mounted in this process's mount namespace. */
export function readMountinfo(): Result<readonly MountEntry[], SysError | MalformedError> {
  const text = readText("/proc/self/mountinfo");
  return text.ok ? parseMountinfo(text.value) : text;
}
