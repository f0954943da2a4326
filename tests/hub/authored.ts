/** What authors send to a hub in tests: objects, and states that are made of them. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Digest } from "../../runtime/state/index.ts";
import type { HubWorld } from "./hub-world.ts";

export const shaOf = (bytes: Uint8Array | string): Digest => createHash("sha256").update(bytes).digest("hex") as Digest;

type Files = Readonly<Record<string, Uint8Array>>;

/** Every container has one. */
const always: Files = { "lxc.container.conf": Buffer.from("lxc.uts.name = web\n") };

/** A state that parses, with one container of these files. */
export function stateOf(files: Files): string {
  const web = {
    "web/run.json": {
      name: "web",
      config: "lxc.container.conf",
      "root-volume": "root.squashfs",
      storage: {},
      type: "lxc",
    },
    ...Object.fromEntries(
      Object.entries({ ...always, ...files }).map(([name, bytes]) => [`web/${name}`, shaOf(bytes)]),
    ),
  };
  return JSON.stringify({ "#spec": "pantavisor-service-system@1", ...web });
}

export const Posted = v.object({ revision: v.string(), warnings: v.array(v.string()) });

export const putObject = (world: HubWorld, bytes: Uint8Array, digest = shaOf(bytes)) =>
  world.ask("PUT", `/objects/${digest}`, { token: "operator", body: bytes });

/** Sends files and the state of them; the value is the revision's digest. */
export async function post(world: HubWorld, files: Files): Promise<Digest> {
  for (const bytes of Object.values({ ...always, ...files })) await putObject(world, bytes);
  const { body } = await world.ask("POST", "/revisions?message=test", { token: "operator", body: stateOf(files) });
  return v.parse(Posted, body).revision as Digest;
}

export const release = (world: HubWorld, revision: string, tag: string, more: object = {}) =>
  world.ask("POST", "/releases", { token: "operator", body: JSON.stringify({ revision, tag, ...more }) });
