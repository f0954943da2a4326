import { readdirSync, readFileSync } from "node:fs";
import { explainState, type Json, type ParseOptions, parseState, type State } from "../../runtime/state/index.ts";

const VECTORS = new URL("./vectors/", import.meta.url);
export const DIGEST = "0123456789abcdef".repeat(4);
export const SPEC = "pantavisor-service-system@1";

/** What real tools wrote, by file name. A device.json alone is wrapped into a state, its text unchanged. */
export function vectors(): ReadonlyMap<string, string> {
  const names = readdirSync(VECTORS).filter((name) => name.endsWith(".json"));
  return new Map(
    names.map((name) => {
      const text = readFileSync(new URL(name, VECTORS), "utf8");
      return [name, name.startsWith("device-") ? `{"#spec":"${SPEC}","device.json":${text}}` : text];
    }),
  );
}

export type Members = { readonly [key: string]: Json };

/** The text of a state with these members. */
export const state = (members: Members): string => JSON.stringify({ "#spec": SPEC, ...members });

/** The keys of a container that is started; `run` adds to or overrides its run.json. */
export const container = (name: string, run: Members = {}): Members => ({
  [`${name}/lxc.container.conf`]: DIGEST,
  [`${name}/root.squashfs`]: DIGEST,
  [`${name}/run.json`]: {
    "#spec": "service-manifest-run@1",
    name,
    type: "lxc",
    config: "lxc.container.conf",
    "root-volume": "root.squashfs",
    ...run,
  },
});

export function parsed(members: Members, options?: ParseOptions): State {
  const result = parseState(state(members), options);
  if (!result.ok) throw new Error(explainState(result.error));
  return result.value;
}

/** The only container of a state that is accepted. */
export function parsedContainer(run: Members, more: Members = {}) {
  const [only, ...others] = parsed({ ...container("web", run), ...more }).containers;
  if (only === undefined || others.length > 0) throw new Error("wanted exactly one container");
  return only;
}

/** What is refused, by which fault, and a part of its sentence. */
export type RefusedCase = readonly [what: string, members: Members, fault: string, sentence: string];

/** The faults of a state that is refused, as `kind path`, and the whole sentence. */
export function refusal(members: Members): { readonly faults: readonly string[]; readonly sentence: string } {
  const result = parseState(state(members));
  if (result.ok) throw new Error("wanted a refused state");
  const { error } = result;
  const faults = error.kind === "refused" ? error.faults.map(({ kind, path }) => `${kind} ${path}`) : [error.kind];
  return { faults, sentence: explainState(error) };
}

export const warnings = (members: Members): readonly string[] =>
  parsed(members).warnings.map(({ path, message }) => `${path}: ${message}`);

/** A state that uses everything the format has: a fuzzer's best start. */
export const everything: Members = {
  "README.md": DIGEST,
  "_config/web/etc/app.conf": DIGEST,
  "_config/web/etc/app.json": { port: 8080, ratio: 0.5, on: true, off: null },
  "_hostconfig/pvr/docker.json": { platforms: ["linux/arm64"] },
  "_sigs/web.json": { "#spec": "pvs@2", protected: "eyJ9", signature: "AAAA" },
  "bsp/_dm/modules.squashfs.json": {
    type: "dm-verity",
    data_device: "modules.squashfs",
    hash_device: "modules.squashfs.hash",
    root_hash: DIGEST,
  },
  "bsp/addon.cpio": DIGEST,
  "bsp/drivers.json": {
    "#spec": "driver-aliases@1",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the format's own placeholder
    all: { wifi: ["cfg80211", "brcmfmac debug=${user-meta:wifi.debug}"] },
    "fitconfig:conf-board-a": { bluetooth: ["hci_uart"] },
  },
  "bsp/firmware.squashfs": DIGEST,
  "bsp/modules.squashfs": DIGEST,
  "bsp/modules.squashfs.hash": DIGEST,
  "bsp/pantavisor.fit": DIGEST,
  "bsp/rootfs.squashfs": DIGEST,
  "bsp/run.json": {
    fit: "pantavisor.fit",
    rootfs: "rootfs.squashfs",
    modules: "dm:modules.squashfs",
    "modules_6.1.0": "/usr/lib/modules.squashfs",
    firmware: "firmware.squashfs",
    addons: ["addon.cpio"],
    initrd_config: "",
  },
  "data/run.json": { name: "data", group: "data", "root-volume": "root.data" },
  "data/root.data/file": DIGEST,
  "device.json": {
    groups: [
      { name: "data", status_goal: "MOUNTED", restart_policy: "system", timeout: 30, description: "volumes" },
      {
        name: "app",
        timeout: 60,
        auto_recovery: {
          policy: "on-failure",
          max_retries: 5,
          retry_delay: 5,
          backoff_factor: 2.0,
          reset_window: 300,
          stable_timeout: 30,
          backoff_policy: "10min",
        },
      },
    ],
    disks: [
      { name: "secrets", type: "dm-crypt-versatile", path: "/storage/a.img,2,key", default: "yes", aliases: ["vault"] },
      { name: "swap", type: "swap-disk", provision: "zram", provision_options: "disksize=64M" },
    ],
    disks_v3: [{ name: "both", type: "dual", disks: ["secrets", "vault"], init_order: ["primary", "create-primary"] }],
    volumes: { "pv--devmeta": { persistence: "permanent", disk: "vault" }, "pv--firmware": { persistence: "boot" } },
    network: {
      pools: { internal: { type: "bridge", bridge: "pvbr0", subnet: "10.0.5.0/24", gateway: "10.0.5.1", nat: true } },
    },
  },
  "web/_dm/root.squashfs.json": {
    type: "dm-verity",
    data_device: "root.squashfs",
    hash_device: "root.squashfs.hash",
    root_hash: DIGEST,
    salt: DIGEST,
    uuid: "00000000-0000-0000-0000-000000000000",
  },
  "web/conf.bind": DIGEST,
  "web/root.squashfs.hash": DIGEST,
  "web/services.json": {
    "#spec": "service-manifest-xconnect@1",
    services: [
      { name: "net-api", type: "rest", socket: "/run/nm/api.sock" },
      { type: "dbus", bus: "system-bus", owns: "org.acme.Foo", role: "foo-owner", allow: ["ui", "diag"] },
    ],
  },
  "web/src.json": { "#spec": "service-manifest-src@1", docker_config: { Env: ["A=b"], Volumes: null } },
  ...container("web", {
    "root-volume": "dm:root.squashfs",
    volumes: ["conf.bind"],
    group: "app",
    status_goal: "READY",
    restart_policy: "container",
    roles: ["mgmt"],
    auto_recovery: { policy: "always", max_retries: 3 },
    network: { pool: "internal", hostname: "web", ip: "10.0.5.50", mac: "02:00:0a:00:05:32" },
    logs: [
      { file: "/var/log/app.log", maxsize: 1048576, truncate: "true", name: "app" },
      { lxc: "enable" },
      { console: "enable" },
    ],
    storage: { "docker--data": { persistence: "permanent", disk: "secrets" }, "lxc-overlay": { persistence: "boot" } },
    drivers: { required: ["wifi"], optional: ["bluetooth"], manual: [] },
    services: {
      required: ["net-api", { name: "system-bus", role: "ui" }],
      optional: [{ name: "x", target: "/run/x" }],
    },
    exports: ["/run/shared"],
    "dev-log": true,
    automodfw: "no",
  }),
};
