import { readdirSync, readFileSync } from "node:fs";
import * as v from "valibot";
import { version } from "../../../buildinfo.ts";
import { kernelIdentity, readCmdline, readMeminfo } from "../../../linux/index.ts";
import { type Client, explainClientError } from "../client.ts";
import { read } from "../tables.ts";
import type { ContainerFacts, Facts, LoaderPort, WatchdogFacts } from "./facts.ts";
import { currentOf, openTree, revisionFacts, storageFacts } from "./storage-facts.ts";

/** Gathers what can be had; what cannot is said in the facts. Reads only. */
export async function collect(client: Client, storagePath: string, readLoader: LoaderPort): Promise<Facts> {
  const build = await client.ask("GET", "/buildinfo");
  const store = openTree(storagePath);
  const told = await answer(client, "/device-meta", DeviceMeta);
  const running = told?.["pantavisor.revision"] ?? (await currentOf(store));
  const loader = await readLoader(storagePath, await loaderType(client));
  const checked = new Set([running, loader.kind === "known" ? loader.trial : null].filter((name) => name !== null));
  const { release, machine } = kernelIdentity();
  const memory = readMeminfo();
  return {
    runtime: build.ok
      ? { answers: true, build: build.value.body.trim().split("\n")[0] ?? "" }
      : { answers: false, why: explainClientError(build.error) },
    device: { architecture: machine, kernel: release, version, memory: memory.ok ? memory.value : null },
    storage: await storageFacts(store),
    revisions: await revisionFacts(store, checked),
    running,
    booted: bootedFacts(),
    loader,
    watchdogs: watchdogFacts(),
    containers: await containerFacts(client),
    debugAccess: told?.["pantavisor.debug.ssh"] ?? null,
  };
}

async function answer<T>(client: Client, path: string, schema: v.GenericSchema<unknown, T>): Promise<T | null> {
  const got = await client.ask("GET", path);
  return got.ok && got.value.status === 200 ? read(schema, got.value.body) : null;
}

const DeviceMeta = v.object({
  "pantavisor.revision": v.string(),
  "pantavisor.debug.ssh": v.optional(v.string()),
});

const Config = v.array(v.object({ key: v.string(), value: v.string() }));
const loaderType = async (client: Client): Promise<string | null> =>
  (await answer(client, "/config2", Config))?.find(({ key }) => key === "PV_BOOTLOADER_TYPE")?.value ?? null;

const Containers = v.array(
  v.object({ name: v.string(), status: v.string(), status_goal: v.string(), user_stopped: v.optional(v.string()) }),
);
const containerFacts = async (client: Client): Promise<readonly ContainerFacts[] | null> =>
  (await answer(client, "/containers", Containers))?.map(({ name, status, status_goal, user_stopped }) => ({
    name,
    status,
    goal: status_goal,
    stoppedByUser: user_stopped === "true",
  })) ?? null;

function bootedFacts(): Facts["booted"] {
  const cmdline = readCmdline();
  const of = (key: string): string | null => {
    const value = cmdline.ok ? cmdline.value.findLast((one) => one.key === key)?.value : undefined;
    return value === undefined || value === "" ? null : value;
  };
  return { rev: of("pv_rev"), trial: of("pv_try") };
}

const WATCHDOG_DEVICE = /^watchdog\d+$/;

function watchdogFacts(): readonly WatchdogFacts[] {
  const attribute = (device: string, name: string): string | null => {
    try {
      return readFileSync(`/sys/class/watchdog/${device}/${name}`, "utf8").trim();
    } catch {
      return null; // a kernel without CONFIG_WATCHDOG_SYSFS
    }
  };
  const named = (name: string): boolean => WATCHDOG_DEVICE.test(name);
  return readdirSync("/dev")
    .filter(named)
    .sort()
    .map((name) => ({
      device: `/dev/${name}`,
      identity: attribute(name, "identity"),
      state: attribute(name, "state"),
    }));
}
