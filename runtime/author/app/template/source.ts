import * as v from "valibot";
import { err, ok, type Result } from "../../../result.ts";
import { canonicalText, type Json, type JsonFault, limits } from "../../../state/index.ts";

const SPEC = "service-manifest-src@1";

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const json = v.custom<Json>(() => true);
const objectOf = <const S extends v.GenericSchema>(value: S) =>
  v.pipe(v.unknown(), v.check(isObject, "an object"), v.record(v.string(), value));
const text = v.string();
/** A uid or gid; 2^32 - 1 means "unchanged" to the kernel (setreuid(2)). */
const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe));

/**
 * Members in the order in which `pvr` writes them (reference authoring 2.1). valibot hands them out in this order, and unknown ones,
 * which stay, behind them.
 */
const SourceShape = v.looseObject({
  base: v.exactOptional(text),
  name: v.exactOptional(text),
  "#spec": v.exactOptional(v.literal(SPEC), SPEC),
  template: v.exactOptional(v.literal("builtin-lxc-docker"), "builtin-lxc-docker"),
  args: v.exactOptional(objectOf(json)),
  dm_enabled: v.exactOptional(objectOf(v.boolean())),
  logs: v.exactOptional(v.array(json)),
  exports: v.exactOptional(v.array(text)),
  config: v.exactOptional(objectOf(json)),
  docker_name: v.exactOptional(text),
  docker_tag: v.exactOptional(text),
  docker_digest: v.exactOptional(text),
  docker_ovl_digest: v.exactOptional(text),
  docker_source: v.exactOptional(text),
  docker_platform: v.exactOptional(text),
  docker_config: v.exactOptional(objectOf(json)),
  format_options: v.exactOptional(text),
  pvr: v.exactOptional(text),
  rootfs_url: v.exactOptional(text),
  rootfs_digest: v.exactOptional(text),
  persistence: v.exactOptional(objectOf(text)),
  // Ours; `pvr` ignores them.
  /** How the root is packed; absent: `squashfs`, as `pvr` does it. */
  format: v.exactOptional(v.picklist(["squashfs", "erofs"])),
  /** What the image's `User` is in its own /etc/passwd and /etc/group. */
  image_user: v.exactOptional(
    v.looseObject({
      of: text,
      uid: id,
      gid: id,
      groups: v.array(id),
      home: v.exactOptional(text),
    }),
  ),
});

/** A container's `src.json`: where it comes from, and what the template is told (reference authoring 2.1). */
export type Source = v.InferOutput<typeof SourceShape>;

export type SourceError =
  | { readonly kind: "tooLarge"; readonly bytes: number; readonly bytesMax: number }
  | { readonly kind: "syntax"; readonly fault: JsonFault }
  /** `where`: the member, such as `args`; "" for the document itself. */
  | { readonly kind: "shape"; readonly where: string; readonly wanted: string };

/** Reads a `src.json`. Members that are null count as absent, unknown ones are kept. Never throws on any input. */
export function parseSource(source: string): Result<Source, SourceError> {
  const bytes = Buffer.byteLength(source);
  if (bytes > limits.stateBytesMax) return err({ kind: "tooLarge", bytes, bytesMax: limits.stateBytesMax });
  const strict = canonicalText(source);
  if (!strict.ok) return err({ kind: "syntax", fault: strict.error });
  return toSource(JSON.parse(source));
}

/** The same for a value. */
export function toSource(value: unknown): Result<Source, SourceError> {
  const given = isObject(value) ? Object.entries(value as object).filter(([, member]) => member !== null) : null;
  if (given === null) return err({ kind: "shape", where: "", wanted: "an object" });
  const parsed = v.safeParse(SourceShape, Object.fromEntries(given), { abortEarly: true });
  if (parsed.success) return ok(parsed.output);
  const [issue] = parsed.issues;
  const where = (issue.path ?? []).map(({ key }) => String(key)).join(".");
  return err({ kind: "shape", where, wanted: issue.type === "check" ? issue.message : (issue.expected ?? "a value") });
}

export function explainSource(name: string, error: SourceError): string {
  const file = `${name}/src.json`;
  switch (error.kind) {
    case "tooLarge":
      return `${file} has ${error.bytes} bytes, at most ${error.bytesMax} are read: it is no ${SPEC}`;
    case "syntax":
      return `${file} is no valid JSON, line ${error.fault.line}, column ${error.fault.column}: correct it there`;
    case "shape":
      return `${file}${error.where === "" ? "" : `, ${error.where}`}: wanted ${error.wanted}: correct it there`;
  }
}

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === "" ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** The text of a `src.json` as `pvr` lays it out: every line but the first is one blank in, and members one more for each level. */
export function sourceText(source: Source): string {
  const known = v.parse(SourceShape, source);
  const members = Object.entries(known).filter(([name, value]) => !(name in SourceShape.entries) || !isEmpty(value));
  return JSON.stringify(Object.fromEntries(members), null, 1).replaceAll("\n", "\n ");
}
