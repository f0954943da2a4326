/** Revisions to explain, signed by a key of the vectors. */
import { sign } from "node:crypto";
import { finishSignature, prepareSignature, readPublicKeys } from "../../../runtime/signatures/index.ts";
import { explainState, type Json, parseState, type State } from "../../../runtime/state/index.ts";
import { vectorText } from "../../signatures/vectors.ts";

export const digestOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

type Members = Readonly<Record<string, Json>>;

/** A device with a radio, a web server that needs it, and a store of data. */
export const device: Members = {
  "#spec": "pantavisor-service-system@1",
  "bsp/run.json": { linux: "kernel", initrd: "initrd" },
  "bsp/kernel": digestOf("kernel"),
  "bsp/initrd": digestOf("initrd"),
  "bsp/drivers.json": { "#spec": "driver-aliases@1", all: { wifi: ["cfg80211"] } },
  "device.json": {
    groups: [
      { name: "root", restart_policy: "system" },
      { name: "app", status_goal: "READY" },
    ],
  },
  "radio/run.json": run("radio", {
    group: "root",
    drivers: { required: ["wifi"], optional: ["led"] },
    roles: ["mgmt"],
  }),
  "radio/lxc.container.conf": digestOf("radio"),
  "radio/root.squashfs": digestOf("radio root"),
  "radio/services.json": [{ name: "net", type: "rest", socket: "/run/net" }],
  "web/run.json": run("web", {
    group: "app",
    services: { required: ["net"], optional: ["camera"] },
    storage: { "docker--data": { persistence: "permanent", disk: "ssd" } },
    network: { pool: "internal" },
  }),
  "web/lxc.container.conf": digestOf("web"),
  "web/root.squashfs": digestOf("web root"),
  "web/src.json": {
    docker_name: "nginx",
    docker_tag: "1.27",
    docker_digest: "nginx@sha256:77",
    docker_config: { ExposedPorts: { "80/tcp": {} } },
  },
  "_config/web/etc/motd": digestOf("hello"),
};

function run(name: string, more: Members): Json {
  return { name, type: "lxc", config: "lxc.container.conf", "root-volume": "root.squashfs", ...more };
}

export function stateOf(members: Members): State {
  const parsed = parseState(JSON.stringify(members));
  if (!parsed.ok) throw new Error(explainState(parsed.error));
  return parsed.value;
}

/** Adds `_sigs/<name>.json` over what `include` names. */
export function signed(
  members: Members,
  name: string,
  include: readonly string[],
  exclude: readonly string[],
): Members {
  const [key] = must(readPublicKeys(vectorText("pki/dev-rsa.pub")));
  if (key === undefined) throw new Error("no key");
  const prepared = must(prepareSignature(JSON.stringify(members), { include, exclude, key, x5c: [] }));
  const answer = sign("sha256", prepared.signingInput, vectorText("pki/dev-rsa.key"));
  return { ...members, [`_sigs/${name}.json`]: JSON.parse(must(finishSignature(prepared, answer))) };
}

export const everythingSigned = (members: Members = device): Members =>
  signed(members, "all", ["**"], ["web/src.json", "_sigs/all.json"]);

function must<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
