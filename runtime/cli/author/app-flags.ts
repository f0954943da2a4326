/** What the words of `cairn app add` and its kin mean. */
import type { ImagePlace, Login, Wishes } from "../../author/app/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Json } from "../../state/index.ts";
import { flag } from "../command.ts";

export const wishFlags = {
  arg: flag.texts(
    "NAME=VALUE for the template; lists, such as PV_ROLES, are given item by item; an empty value takes it away",
  ),
  volume: flag.texts("PATH:PERSISTENCE, with @ and the name of a disk where wanted; permanent, revision or boot"),
  group: flag.text("group of the device that it belongs to; default: the last one"),
  runlevel: flag.text("data, root, platform or app, for devices without groups"),
  "restart-policy": flag.text("what an update of it needs: system (a reboot) or container"),
  "status-goal": flag.text("MOUNTED, STARTED or READY"),
  "config-json": flag.text("file with settings laid over those of the image, such as Cmd or User"),
  format: flag.text("how its root is packed: erofs (default of a new one) or squashfs"),
  "format-options": flag.text("options for mksquashfs", "o"),
  verity: flag.switch("let the kernel check each block of its root by a hash tree (dm-verity)"),
} as const;

export const imageFlags = {
  source: flag.text("kept in src.json for pvr: remote, local, or both with a comma between (default)"),
  platform: flag.text("linux/arm64, linux/arm/v7, …; default: what _hostconfig/pvr/docker.json lists"),
  user: flag.text("user of the registry", "u"),
  password: flag.text("password of the registry; default: CAIRN_REGISTRY_PASSWORD in the environment", "p"),
  ca: flag.text("PEM file: who may have signed the registry's certificate"),
  insecure: flag.switch("take any certificate, and plain HTTP"),
} as const;

interface WishValues {
  readonly arg: readonly string[];
  readonly volume: readonly string[];
  readonly group: string | null;
  readonly runlevel: string | null;
  readonly "restart-policy": string | null;
  readonly "status-goal": string | null;
  readonly format: string | null;
  readonly "format-options": string | null;
  readonly verity: boolean;
}

/** A wrong argument: which, and what it takes. */
export interface Wrong {
  readonly kind: "wrong";
  readonly sentence: string;
}

const wrong = (sentence: string): Result<never, Wrong> => err({ kind: "wrong", sentence });

const pairOf = (text: string, separator: string): readonly [string, string] | null => {
  const at = text.indexOf(separator);
  return at <= 0 ? null : [text.slice(0, at), text.slice(at + 1)];
};

/** `config` is what the file of `--config-json` holds, or null. */
export function wishesOf(values: WishValues, config: Readonly<Record<string, Json>> | null): Result<Wishes, Wrong> {
  const args: (readonly [string, string])[] = [];
  for (const text of values.arg) {
    const pair = pairOf(text, "=");
    if (pair === null) return wrong(`--arg ${JSON.stringify(text)}: wants NAME=VALUE`);
    args.push(pair);
  }
  const named = {
    PV_GROUP: values.group,
    PV_RUNLEVEL: values.runlevel,
    PV_RESTART_POLICY: values["restart-policy"],
    PV_STATUS_GOAL: values["status-goal"],
  };
  for (const [name, value] of Object.entries(named)) if (value !== null) args.push([name, value]);
  if (values.group !== null && values.runlevel !== null)
    return wrong("--runlevel is for devices without groups: --group excludes it");
  const policy = values["restart-policy"];
  if (policy !== null && policy !== "system" && policy !== "container")
    return wrong("--restart-policy wants system or container");
  const goal = values["status-goal"];
  if (goal !== null && !["MOUNTED", "STARTED", "READY"].includes(goal))
    return wrong("--status-goal wants MOUNTED, STARTED or READY");

  const volumes: (readonly [string, string])[] = [];
  for (const text of values.volume) {
    const at = text.lastIndexOf(":");
    if (at <= 0) return wrong(`--volume ${JSON.stringify(text)}: wants PATH:PERSISTENCE, such as /data:permanent`);
    volumes.push([text.slice(0, at), text.slice(at + 1)]);
  }
  const { format } = values;
  if (format !== null && format !== "erofs" && format !== "squashfs") return wrong("--format wants erofs or squashfs");
  return ok({
    args,
    volumes,
    ...(config === null ? {} : { config }),
    ...(format === null ? {} : { format }),
    ...(values["format-options"] === null ? {} : { formatOptions: values["format-options"] }),
    ...(values.verity ? { verity: true } : {}),
  });
}

/** null: not given. */
export function placesOf(source: string | null): Result<readonly ImagePlace[] | null, Wrong> {
  if (source === null) return ok(null);
  const places = source.split(",").map((one) => one.trim());
  const known = places.filter((one): one is ImagePlace => one === "remote" || one === "local");
  return known.length === places.length
    ? ok(known)
    : wrong("--source wants remote, local, or both with a comma between");
}

export function loginOf({ user, password }: { readonly user: string | null; readonly password: string | null }): Login {
  return user === null ? null : { user, password: password ?? process.env["CAIRN_REGISTRY_PASSWORD"] ?? "" };
}
