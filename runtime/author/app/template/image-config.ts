import type { Json } from "../../../state/index.ts";
import type { Findings } from "./findings.ts";
import type { Source } from "./source.ts";

/** What an image says about how to run it: the `config` of an OCI image configuration (image-spec config.md), or Docker's. */
export interface ImageConfig {
  /** Words; a text is a command line as it stands, which only `--config-json` and very old images have. */
  readonly entrypoint: readonly string[] | string;
  readonly cmd: readonly string[] | string;
  readonly env: readonly string[];
  readonly workingFolder: string;
  /** Absolute paths, as written. */
  readonly volumes: readonly string[];
  readonly user: string;
  readonly stopSignal: string;
  /** `80/tcp`: information for people, and never a setting. */
  readonly exposedPorts: readonly string[];
}

type Members = Readonly<Record<string, Json>>;

/** The image's own configuration with the author's `config` laid over it, member by member; null members are skipped. */
export const effectiveConfig = ({ docker_config: image = {}, config = {} }: Source): Members =>
  Object.fromEntries([...Object.entries(image), ...Object.entries(config).filter(([, value]) => value !== null)]);

export function readImageConfig(members: Members, findings: Findings): ImageConfig {
  const wrong = (name: string, wanted: string): void =>
    findings.refuse("shape", `docker_config.${name}`, members[name], wanted);
  const given = (name: string): Json => (Object.hasOwn(members, name) ? (members[name] ?? null) : null);

  const text = (name: string): string => {
    const value = given(name);
    if (value === null) return "";
    if (typeof value === "string" && !value.includes("\0")) return value;
    wrong(name, "text without NUL characters");
    return "";
  };
  const words = (name: string): readonly string[] => {
    const value = given(name);
    if (value === null) return [];
    if (isArray(value) && value.every(isText)) return value;
    wrong(name, "an array of texts without NUL characters");
    return [];
  };
  const wordsOrLine = (name: string): readonly string[] | string =>
    typeof given(name) === "string" ? text(name) : words(name);
  const keys = (name: string): readonly string[] => {
    const value = given(name);
    if (value === null) return [];
    if (typeof value === "object" && !isArray(value)) return Object.keys(value);
    wrong(name, "an object");
    return [];
  };

  return {
    entrypoint: wordsOrLine("Entrypoint"),
    cmd: wordsOrLine("Cmd"),
    env: words("Env"),
    workingFolder: text("WorkingDir"),
    volumes: keys("Volumes"),
    user: text("User"),
    stopSignal: text("StopSignal"),
    exposedPorts: keys("ExposedPorts"),
  };
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
const isText = (value: Json): value is string => typeof value === "string" && !value.includes("\0");
