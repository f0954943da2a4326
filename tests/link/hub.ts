import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHost } from "../../runtime/certificates/index.ts";
import { type HubWorld, hubWorld } from "../hub/hub-world.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { HUB_ADDRESS } from "./network.ts";

const host = (text: string) => unwrap(parseHost(text));

/** A hub on our side of a network, which is there already: what its sockets are like is decided before. */
export const hubOnNetwork = (): Promise<HubWorld> =>
  hubWorld({ hosts: [host(HUB_ADDRESS), host("127.0.0.1")], host: host("0.0.0.0") });

/** How a device finds it. */
export const hubFor = ({ hub, authority, tokens }: HubWorld) => ({
  hub: { host: HUB_ADDRESS, port: Number(new URL(hub.url).port) },
  authority,
  token: tokens.join,
});

/** A new device's storage partition. */
export function newStorage(): string {
  const storage = mkdtempSync(join(tmpdir(), "cairn-link-"));
  for (const folder of ["config", "objects", "trails"]) mkdirSync(join(storage, folder));
  return storage;
}
