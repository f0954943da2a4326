/** What the working copy says about the device that its containers are for. */
import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { canonicalText, explainState, type Json, limits, parseState } from "../../state/index.ts";
import { type Disk, readFile } from "../../store/index.ts";
import type { AppError } from "./error.ts";

const WHY = "author/app";

/** A text file of the working copy; null when there is none. */
export async function readText(disk: Disk, path: string): Promise<Result<string | null, AppError>> {
  const bytes = await readFile(disk, WHY, path, limits.stateBytesMax);
  if (bytes.ok) return ok(new TextDecoder().decode(bytes.value));
  const absent = bytes.error.kind === "missing" || bytes.error.kind === "notFolder";
  return absent ? ok(null) : err({ kind: "disk", error: bytes.error });
}

async function readDocument(disk: Disk, root: string, file: string): Promise<Result<unknown, AppError>> {
  const text = await readText(disk, `${root}/${file}`);
  if (!text.ok || text.value === null) return text;
  return canonicalText(text.value).ok
    ? ok(JSON.parse(text.value))
    : err({ kind: "document", file, why: "no valid JSON: correct it there" });
}

const Groups = v.array(v.looseObject({ name: v.string() }));
const DeviceJson = v.looseObject({ groups: v.exactOptional(Groups) });
const DockerJson = v.looseObject({ platforms: v.exactOptional(v.array(v.string()), []) });

export interface Device {
  /** Groups in start order; none where neither device.json nor groups.json has any. */
  readonly groups: readonly string[];
  /** Platforms of images that it can run, the best first. */
  readonly platforms: readonly string[];
}

export async function readDevice(disk: Disk, root: string): Promise<Result<Device, AppError>> {
  const files = ["device.json", "groups.json", "_hostconfig/pvr/docker.json"] as const;
  const read = await Promise.all(files.map((file) => readDocument(disk, root, file)));
  const values: unknown[] = [];
  for (const one of read) {
    if (!one.ok) return one;
    values.push(one.value);
  }
  const [device, groups, docker] = values;
  const own = v.safeParse(DeviceJson, device);
  const older = v.safeParse(Groups, groups);
  const chosen = (own.success ? own.output.groups : undefined) ?? (older.success ? older.output : []);
  const platforms = v.safeParse(DockerJson, docker);
  return ok({
    groups: chosen.map(({ name }) => name),
    platforms: platforms.success ? platforms.output.platforms : [],
  });
}

/**
 * Why a device would refuse a state that has this container and nothing else of its own; null when it would take it. Other parts of
 * the state may change that, so this is for people to read.
 */
export function refusedByDevice(
  name: string,
  files: readonly string[],
  inline: ReadonlyMap<string, Json>,
  { groups }: Device,
): string | null {
  const anyDigest = "0".repeat(64);
  const members = files.map((file) => [`${name}/${file}`, inline.get(file) ?? anyDigest] as const);
  const device =
    groups.length === 0 ? [] : [["device.json", { groups: groups.map((group) => ({ name: group })) }] as const];
  const state = { "#spec": "pantavisor-service-system@1", ...Object.fromEntries([...device, ...members]) };
  const parsed = parseState(JSON.stringify(state));
  return parsed.ok ? null : explainState(parsed.error);
}

/** The settings that an author lays over those of an image (`--config-json`): the `config` of an image, or members of it. */
export async function readConfigFile(
  disk: Disk,
  path: string,
): Promise<Result<Readonly<Record<string, Json>>, AppError>> {
  const text = await readText(disk, path);
  if (!text.ok) return text;
  if (text.value === null) return err({ kind: "document", file: path, why: "there is no such file" });
  const strict = canonicalText(text.value);
  const value: unknown = strict.ok ? JSON.parse(text.value) : null;
  return isMembers(value) ? ok(value) : err({ kind: "document", file: path, why: "wanted a JSON object" });
}

const isMembers = (value: unknown): value is Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
