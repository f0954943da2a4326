import * as v from "valibot";
import { imageLimits } from "../limits.ts";

/**
 * What an image says of how it is run. Data, not configuration: nothing here has been judged, and any text may hold anything but NUL,
 * line ends among it. Whoever writes it into a file quotes it for that file or refuses it.
 */
export interface ImageConfig {
  /** Null: the image has none, which is not the same as an empty one. */
  readonly entrypoint: readonly string[] | null;
  readonly cmd: readonly string[] | null;
  /** `NAME=value`, in the image's order. */
  readonly env: readonly string[];
  readonly workingDir: string | null;
  /** `user[:group]`, names or numbers. */
  readonly user: string | null;
  /** Paths, sorted. */
  readonly volumes: readonly string[];
  /** `port[/protocol]`, sorted. */
  readonly exposedPorts: readonly string[];
  readonly stopSignal: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The member `config` as the image has it, for `docker_config` of src.json; null: there is none. */
  readonly raw: unknown;
}

const text = v.pipe(
  v.string(),
  v.maxLength(imageLimits.configTextBytesMax),
  v.check((value) => !value.includes("\0"), "a text has NUL"),
);
const list = v.pipe(v.array(text), v.maxLength(imageLimits.configItemsMax));
/** Docker once wrote a command of one word as a text. */
const words = v.union([
  list,
  v.pipe(
    text,
    v.transform((word) => [word]),
  ),
]);
const few = <T>(schema: v.GenericSchema<unknown, T>) =>
  v.pipe(
    v.record(text, schema),
    v.check((map) => Object.keys(map).length <= imageLimits.configItemsMax, "too many members"),
  );

/** image-spec, config.md; absent and null mean the same. */
export const ImageConfigShape = v.object({
  Entrypoint: v.nullish(words),
  Cmd: v.nullish(words),
  Env: v.nullish(list),
  WorkingDir: v.nullish(text),
  User: v.nullish(text),
  Volumes: v.nullish(few(v.unknown())),
  ExposedPorts: v.nullish(few(v.unknown())),
  StopSignal: v.nullish(text),
  Labels: v.nullish(few(text)),
});

const orNull = (value: string | null | undefined): string | null => (value == null || value === "" ? null : value);
const keys = (map: Readonly<Record<string, unknown>> | null | undefined): readonly string[] =>
  Object.keys(map ?? {}).sort();

export const configOf = (shape: v.InferOutput<typeof ImageConfigShape> | null, raw: unknown): ImageConfig => ({
  entrypoint: shape?.Entrypoint ?? null,
  cmd: shape?.Cmd ?? null,
  env: shape?.Env ?? [],
  workingDir: orNull(shape?.WorkingDir),
  user: orNull(shape?.User),
  volumes: keys(shape?.Volumes),
  exposedPorts: keys(shape?.ExposedPorts),
  stopSignal: orNull(shape?.StopSignal),
  labels: shape?.Labels ?? {},
  raw,
});
