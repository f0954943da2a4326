import { expect, test } from "bun:test";
import {
  becomesFile,
  canonicalText,
  explainState,
  ownerOf,
  parseState,
  type State,
} from "../../runtime/state/index.ts";
import { rebuilt } from "./rebuild.ts";
import { vectors } from "./samples.ts";

function vector(name: string): State {
  const text = vectors().get(name) ?? "";
  const result = parseState(text);
  if (!result.ok) throw new Error(explainState(result.error));
  return result.value;
}

test.each([...vectors()])("%s parses, from text and from bytes, and keeps every byte", (_name, text) => {
  const fromText = parseState(text);
  if (!fromText.ok) throw new Error(explainState(fromText.error));
  expect(fromText.value.text).toBe(text);
  expect(fromText.value.warnings).toEqual([]);
  expect(parseState(Buffer.from(text))).toEqual(fromText);
  expect(rebuilt(fromText.value)).toBe(text);
});

test.each([...vectors()])("%s means the same in canonical text", (_name, text) => {
  const canonical = canonicalText(text);
  if (!canonical.ok) throw new Error(JSON.stringify(canonical.error));
  const [before, after] = [parseState(text), parseState(canonical.value)];
  if (!before.ok || !after.ok) throw new Error("wanted both to parse");
  expect(JSON.parse(after.value.text)).toEqual(JSON.parse(text));
  expect(after.value.containers).toEqual(before.value.containers);
  expect(withSortedVolumes(after.value)).toEqual(withSortedVolumes(before.value));
  expect(after.value.bsp).toEqual(before.value.bsp);
});

/** Volumes keep the order of the document, and that is what canonical text changes. */
const withSortedVolumes = ({ device }: State) => ({
  ...device,
  volumes: device.volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
});

test("a container package that pvr exported", () => {
  const state = vector("os.json");
  expect(state.bsp).toBeNull();
  expect(state.containers).toMatchObject([
    {
      name: "os",
      type: "lxc",
      group: "root",
      restartPolicy: "system",
      statusGoal: "STARTED",
      roles: [],
      autoRecovery: null,
      network: { mode: "none", pool: null },
      config: "lxc.container.conf",
      rootVolume: { handler: null, file: "root.squashfs", mount: "image", fstype: "squashfs" },
      volumes: [],
      logs: null,
      drivers: { required: [], optional: ["wifi", "usbnet", "bluetooth"], manual: [] },
      devLog: null,
      automodfw: true,
      hasConfigOverlay: false,
    },
  ]);
  expect(state.containers[0]?.storage.map(({ name, persistence }) => `${name} ${persistence}`)).toEqual([
    "docker--etc-modules-load.d permanent",
    "docker--pvrun-dbus boot",
    "docker--var-pv permanent",
    "dockerovl--pvconfigs-nm-connections permanent",
    "dockerovl--var-lib-connman permanent",
    "lxc-overlay boot",
  ]);
  expect(state.signatures.map(({ key }) => key)).toEqual(["_sigs/os.json"]);
  expect(state.entries.filter(becomesFile).map(({ key }) => key)).toEqual([
    "os/lxc.container.conf",
    "os/root.squashfs",
    "os/root.squashfs.docker-digest",
    "os/run.json",
  ]);
});

test("a container package with a configuration overlay", () => {
  const state = vector("awconnect.json");
  expect(state.containers[0]?.hasConfigOverlay).toBe(true);
  expect(ownerOf("_config/awconnect/etc/iptables/dump", state)).toBe("awconnect" as never);
  expect(state.entries.find(({ key }) => key.endsWith("WifiHotspot.json"))).toMatchObject({
    kind: "inline",
    value: { psk: "p4nt4c0r", ssid: "pantacor" },
  });
});

test("a base system with groups and disks in files of their own", () => {
  const state = vector("bsp_init_groups.json");
  expect(state.bsp).toMatchObject({
    fit: "pantavisor.fit",
    linux: null,
    rootfs: null,
    firmware: { file: "firmware.squashfs", fstype: "squashfs" },
    addons: [],
    verity: [],
  });
  expect([...(state.bsp?.modules ?? [])]).toEqual([
    ["", { handler: null, file: "modules.squashfs", mount: "image", fstype: "squashfs" }],
  ]);
  expect(state.drivers.get("all")?.get("usbnet")).toHaveLength(1);
  expect(state.drivers.get("fitconfig:conf-base-config")?.size).toBe(0);
  expect(state.device.runlevels).toBe(false);
  expect(state.device.groups.map(({ name }) => name)).toEqual([
    "System",
    "data",
    "root",
    "platform",
    "Development",
    "Appliance",
    "app",
    "ApplianceInteraction",
    "DigitalPlatform",
    "DigitalServices",
  ]);
  expect(state.device.groups[0]).toEqual({
    name: "System",
    statusGoal: "STARTED",
    restartPolicy: "system",
    timeoutMs: null,
    autoRecovery: null,
  });
  expect(state.device.disks).toMatchObject([{ name: "dm-bsh-secrets", type: "dm-crypt-dcp", isDefault: false }]);
});

test("the device.json of a Raspberry Pi", () => {
  const { device } = vector("device-rpi.json");
  expect(device.disks[0]).toMatchObject({ name: "dm-internal-secrets", aliases: ["dm-versatile"] });
  expect(device.groups.at(-1)).toEqual({
    name: "app",
    statusGoal: "STARTED",
    restartPolicy: "container",
    timeoutMs: 30_000,
    autoRecovery: {
      policy: "on-failure",
      maxRetries: 5,
      retryDelayMs: 5_000,
      backoffFactor: 2,
      resetWindowMs: 0,
      stableTimeoutMs: 30_000,
      backoffPolicy: { kind: "reboot" },
    },
  });
  expect(device.volumes).toEqual([
    { name: "pv--devmeta", persistence: "permanent", disk: "dm-internal-secrets" },
    { name: "pv--usrmeta", persistence: "permanent", disk: "dm-internal-secrets" },
    { name: "pv--phconfig", persistence: "permanent", disk: "dm-internal-secrets" },
    { name: "pv--firmware", persistence: "boot", disk: null },
  ]);
  expect(device.pools).toEqual([
    {
      name: "pvcnet",
      type: "bridge",
      bridge: "lxcbr0",
      parent: null,
      subnet: "10.0.3.0/24",
      gateway: "10.0.3.1",
      nat: true,
    },
  ]);
});

test("a file name with spaces", () => {
  expect(vector("state_with_spaces.json").entries.map(({ key }) => key)).toEqual([
    "#spec",
    "_config/container/name with spaces.txt",
  ]);
});
