import * as v from "valibot";
import { restartPolicy, statusGoal } from "./groups.ts";
import { serviceRequest } from "./services.ts";
import { absolutePath, component, integer, json, list, nonEmpty, object, text } from "./shape.ts";

const aliases = v.exactOptional(list(nonEmpty), []);
const requests = v.exactOptional(list(serviceRequest), []);

const LogShape = object({
  file: v.exactOptional(absolutePath),
  name: v.exactOptional(component), // names a file below logs/
  maxsize: v.exactOptional(
    v.pipe(
      integer,
      v.check((bytes) => bytes > 0, "a number of bytes above 0"),
    ),
  ),
  truncate: v.exactOptional(text),
  lxc: v.exactOptional(text),
  console: v.exactOptional(text),
});

const NetworkShape = object({
  mode: v.exactOptional(v.picklist(["host", "pool", "none"])),
  pool: v.exactOptional(nonEmpty),
  hostname: v.exactOptional(
    v.pipe(
      v.string(),
      // utsname holds 64 characters (sethostname(2))
      v.check(
        (name) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(name),
        "a host name of letters, digits, - _ and .",
      ),
    ),
  ),
  ip: v.exactOptional(
    v.pipe(
      v.string(),
      v.check((address) => v.IPV4_REGEX.test(address), "an IPv4 address"),
    ),
  ),
  mac: v.exactOptional(
    v.pipe(
      v.string(),
      v.check((mac) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac), "a MAC address such as 02:00:0a:00:05:32"),
    ),
  ),
  interfaces: v.exactOptional(json),
});

/** `<c>/run.json` as written (reference section 2); container.ts gives it its meaning. */
export const RunJson = object({
  name: v.string(),
  type: v.exactOptional(v.literal("lxc")),
  runlevel: v.exactOptional(text),
  automodfw: v.exactOptional(text),
  group: v.exactOptional(nonEmpty),
  restart_policy: v.exactOptional(restartPolicy),
  status_goal: v.exactOptional(statusGoal),
  roles: v.exactOptional(list(text), []),
  auto_recovery: v.exactOptional(json),
  network: v.exactOptional(NetworkShape),
  config: v.exactOptional(nonEmpty),
  "root-volume": v.exactOptional(nonEmpty),
  volumes: v.exactOptional(list(nonEmpty), []),
  logs: v.exactOptional(list(LogShape)),
  storage: v.exactOptional(json),
  drivers: v.exactOptional(object({ required: aliases, optional: aliases, manual: aliases })),
  services: v.exactOptional(object({ required: requests, optional: requests })),
  exports: v.exactOptional(list(absolutePath), []),
  "dev-log": v.exactOptional(v.boolean()),
});

export type RunJson = v.InferOutput<typeof RunJson>;
export type RunJsonLog = v.InferOutput<typeof LogShape>;
export type RunJsonNetwork = v.InferOutput<typeof NetworkShape>;

/** A container whose manifest could be read; `key` is that of its run.json. */
export interface Manifest {
  readonly key: string;
  readonly folder: string;
  readonly run: RunJson;
}
