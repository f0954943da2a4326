/** A device that gets its revisions from a hub, and revisions for it. */
import { join } from "node:path";
import type { HubWorld } from "../../hub/hub-world.ts";
import { repository } from "../host.ts";
import {
  type Arch,
  allGoalsReached,
  type ContainerSpec,
  type Device,
  type Json,
  probeContainer,
  type Revision,
  revision,
  whenContainers,
  withDevice,
} from "../index.ts";
import { fleetHub, joins, knowsHub, post, whenDevice } from "./fleet.ts";

/** With a probe and another container, on a base system that knows the hub and has more files. */
export const fleetRevision = async (
  arch: Arch,
  container: ContainerSpec,
  groups: Json,
  files: Readonly<Record<string, string>> = {},
): Promise<Revision> =>
  revision({
    arch,
    containers: [await probeContainer(arch), container],
    device: { groups },
    base: { cairn: join(repository, "dist", `cairn-${arch}`), files: { ...knowsHub, ...files } },
  });

export interface FleetOptions {
  readonly name: string;
  readonly arch: Arch;
  readonly factory: Revision;
  /** How long a trial waits for a word of the hub's. */
  readonly contactS: number;
  /** What is to be run once its containers are there. */
  readonly connect?: (device: Device) => Promise<unknown>;
}

/** Boots it through its boot loader; it is used when the hub knows that it runs the factory's revision, of which the hub makes patches. */
export async function withFleetDevice(
  { name, arch, factory, contactS, connect }: FleetOptions,
  use: (device: Device, hub: HubWorld) => Promise<void>,
): Promise<void> {
  await using hub = await fleetHub();
  const append = [...joins(hub), "PV_UPDATER_COMMIT_DELAY=4", `PH_UPDATER_NETWORK_TIMEOUT=${contactS}`];
  const options = { name, arch, revision: factory, loader: "real", reboots: true, memoryMib: 512, append } as const;
  await withDevice(options, async (device) => {
    await device.must("true", 180_000);
    await whenContainers(device, "the factory's goals", allGoalsReached, 120_000);
    await connect?.(device);
    await whenDevice(hub, ({ report }) => report?.state.running === "0");
    await post(hub, factory);
    await use(device, hub);
  });
}
