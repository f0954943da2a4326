/** What Buildroot and npm know of where things come from: `make show-info`, hash files, `package-lock.json`. */
import * as v from "valibot";

const texts = v.optional(v.array(v.string()), []);

/** A package of `make show-info` (Buildroot manual, "Package dependency and size graphs" beside it); other keys are of no use here. */
export const BuildrootPackage = v.object({
  type: v.string(),
  virtual: v.optional(v.boolean(), false),
  version: v.optional(v.string(), ""),
  licenses: v.optional(v.string(), "unknown"),
  "cpe-id": v.optional(v.string()),
  dependencies: texts,
  /** Paths of hash files, those of Buildroot itself from its top. */
  hashes: texts,
  downloads: v.optional(v.array(v.object({ source: v.string(), uris: texts })), []),
});
export type BuildrootPackage = v.InferOutput<typeof BuildrootPackage>;
export const ShowInfo = v.record(v.string(), BuildrootPackage);
export type ShowInfo = v.InferOutput<typeof ShowInfo>;

const names = v.optional(v.record(v.string(), v.string()), {});
export const NpmPackage = v.object({
  version: v.optional(v.string(), ""),
  license: v.optional(v.string()),
  integrity: v.optional(v.string()),
  dependencies: names,
});
export type NpmPackage = v.InferOutput<typeof NpmPackage>;
export const PackageLock = v.object({ packages: v.record(v.string(), NpmPackage) });
export type PackageLock = v.InferOutput<typeof PackageLock>;

export interface FileHash {
  /** As a hash file of Buildroot names it. */
  readonly kind: string;
  readonly hex: string;
}

/** The hashes that a hash file of Buildroot has of `file`: lines of kind, digits and name. */
export function hashesIn(hashFile: string, file: string): readonly FileHash[] {
  return hashFile.split("\n").flatMap((line) => {
    const [kind = "", hex = "", name] = line.trim().split(/\s+/);
    return name === file && !kind.startsWith("#") ? [{ kind, hex }] : [];
  });
}

/** Where a source comes from first, as an address; a folder of this machine, or a mirror, is none. */
export function addressOf({ source, uris }: BuildrootPackage["downloads"][number]): string | null {
  const found = /^(?:https?|ftp)(?:\|urlencode)?\+(.*)$/.exec(uris[0] ?? "")?.[1];
  return found === undefined || found.startsWith("https://sources.buildroot.net") ? null : `${found}/${source}`;
}

/**
 * The packages that the program is made from: whatever the project depends on when it runs, and what those depend on, by their places in
 * the lock file. Declarations of types hold no code.
 */
export function npmPackages({ packages }: PackageLock): ReadonlyMap<string, NpmPackage> {
  const found = new Map<string, NpmPackage>();
  const visit = (from: string, wanted: Readonly<Record<string, string>>): void => {
    for (const name of Object.keys(wanted)) {
      if (name.startsWith("@types/")) continue;
      const place = placeOf(packages, from, name);
      const entry = packages[place];
      if (entry === undefined)
        throw new Error(`package-lock.json: ${from || "the project"} wants ${name}, which is not there`);
      if (found.has(place)) continue;
      found.set(place, entry);
      visit(place, entry.dependencies);
    }
  };
  visit("", packages[""]?.dependencies ?? {});
  return found;
}

/** Where node's resolution finds `name` for the package at `from`: in its own folder, or in one above. */
function placeOf(packages: PackageLock["packages"], from: string, name: string): string {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const place = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (at === "" || packages[place] !== undefined) return place;
  }
}

/** "node_modules/a/node_modules/@b/c" → "@b/c". */
export const npmName = (place: string): string =>
  place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);

/** An integrity of npm, "sha512-<base64>", as digits. */
export function hashOfIntegrity(integrity: string | undefined): FileHash | null {
  const [, kind = "", base64 = ""] = /^(sha\d+)-([A-Za-z0-9+/=]+)$/.exec(integrity ?? "") ?? [];
  return kind === "" ? null : { kind, hex: Buffer.from(base64, "base64").toString("hex") };
}
