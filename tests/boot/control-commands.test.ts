import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { readConfiguration } from "../../runtime/boot/configuration.ts";
import { controlCommands, type Updates } from "../../runtime/boot/control-commands.ts";
import type { DebugAccess } from "../../runtime/boot/debug-access/index.ts";
import { openDeviceMetadata } from "../../runtime/boot/metadata.ts";
import type { Operation } from "../../runtime/control/index.ts";
import { err, ok } from "../../runtime/result.ts";
import { openStore, realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { emptyFolder, must, mustFail, removeFolders, revision } from "../store/world.ts";

afterEach(removeFolders);

const closed: Pick<DebugAccess, "open" | "close"> = { open: async () => ok(""), close: async () => false };

async function world(running = "7", debugAccess = closed) {
  const top = emptyFolder();
  const environment = {
    PV_SYSTEM_ETCDIR: join(top, "etc"),
    PV_SYSTEM_RUNDIR: join(top, "run"),
    PV_CACHE_DEVMETADIR: join(top, "devmeta"),
    PV_CACHE_USRMETADIR: join(top, "usrmeta"),
    PV_STORAGE_GC_RESERVED: "10",
  };
  const { config } = readConfiguration({ commandLine: "", environment });
  const store = openStore(watchfulDisk(realDisk).disk, top);
  const warn = (message: string) => expect.unreachable(message);
  const metadata = await openDeviceMetadata({ config, store, revision: () => revision(running), warn });
  const asked: string[] = [];
  const updates: Updates = {
    put: async () => ok(undefined),
    async command(operation, payload) {
      asked.push(`${operation} ${payload}`);
      return { kind: "accepted" };
    },
    collectGarbage: async () => ok(1),
  };
  const commands = controlCommands({
    running: () => revision(running),
    metadata,
    updates,
    debugAccess,
    power(action, message) {
      asked.push(`${action} ${message}`);
      return { kind: "accepted" };
    },
  });
  const send = (operation: Operation, payload = "") => commands.command(operation, payload);
  return { metadata, asked, send };
}

test("what belongs to updates and to power goes there", async () => {
  const { asked, send } = await world();
  for (const operation of ["LOCAL_RUN", "LOCAL_RUN_COMMIT", "MAKE_FACTORY", "RUN_GC"] as const)
    await send(operation, "x");
  await send("REBOOT_DEVICE", "why");
  await send("POWEROFF_DEVICE", "why");
  expect(asked).toEqual([
    ...["LOCAL_RUN x", "LOCAL_RUN_COMMIT x", "MAKE_FACTORY x", "RUN_GC x"],
    ...["reboot why", "poweroff why"],
  ]);
});

test("UPDATE_METADATA merges into device-meta", async () => {
  const { metadata, send } = await world();
  must(await metadata.set("device-meta", "old", "1"));
  expect(await send("UPDATE_METADATA", '{"serial":"42","slots":[1,2]}')).toEqual({ kind: "accepted" });
  const entries = await metadata.entries("device-meta");
  expect([entries.get("old"), entries.get("serial"), entries.get("slots")]).toEqual(["1", "42", "[1,2]"]);
  expect(await send("UPDATE_METADATA", "[]")).toMatchObject({ kind: "refused", status: 400 });
  expect(await send("UPDATE_METADATA", '{"../x":"1"}')).toMatchObject({ kind: "refused", status: 400 });
  expect(await send("UPDATE_METADATA", '{"time":"1"}')).toMatchObject({ kind: "refused", status: 409 });
});

test("UPDATE_METADATA is refused in local mode", async () => {
  const { metadata, send } = await world("locals/mine");
  expect(await send("UPDATE_METADATA", '{"a":"1"}')).toMatchObject({ kind: "refused", status: 409 });
  const entries = await metadata.entries("device-meta");
  expect([entries.has("a"), entries.get("pantavisor.mode")]).toEqual([false, "local"]);
});

test.each([
  ["UNCLAIM", { kind: "nothingToDo" }],
  ["GO_REMOTE", { kind: "refused", status: 409 }],
  ["DEFER_REBOOT", { kind: "refused", status: 409 }],
  ["ENABLE_SSH", { kind: "accepted" }],
  ["DISABLE_SSH", { kind: "nothingToDo" }],
] as const)("%s says honestly what there is", async (operation, answer) => {
  const { asked, send } = await world();
  expect(await send(operation)).toMatchObject(answer);
  expect(asked).toEqual([]);
});

test.each([
  ["refused", 409],
  ["failed", 500],
] as const)("debug access that is %s answers %i, with the reason", async (kind, status) => {
  const open = async (ms: number | null) => err({ kind, why: `no key, ${ms}` });
  const { send } = await world("7", { open, close: async () => true });
  expect(await send("ENABLE_SSH")).toEqual({ kind: "refused", status, why: "no key, null" });
  expect(await send("DISABLE_SSH")).toEqual({ kind: "accepted" });
});

test("device-meta tells of debug access while it is open", async () => {
  const { metadata } = await world();
  const told = async () => (await metadata.entries("device-meta")).get("pantavisor.debug.ssh");
  expect(await told()).toBeUndefined();
  let open: string | null = "until the next boot";
  metadata.debugAccessIs(() => open);
  expect(await told()).toBe("until the next boot");
  expect(mustFail(await metadata.set("device-meta", "pantavisor.debug.ssh", "x"))).toMatchObject({ status: 409 });
  open = null;
  expect(await told()).toBeUndefined();
});

test("device-meta has revision, mode, status and storage", async () => {
  const { metadata } = await world();
  metadata.statusIs(() => "READY");
  const entries = await metadata.entries("device-meta");
  expect([
    entries.get("pantavisor.revision"),
    entries.get("pantavisor.mode"),
    entries.get("pantavisor.status"),
  ]).toEqual(["7", "remote", "READY"]);
  const { total, free, reserved, real_free } = JSON.parse(entries.get("storage") ?? "");
  expect([reserved, real_free]).toEqual([Math.floor(total / 10), Math.max(0, free - reserved)]);
});

test("a driver's option finds its key in user-meta, or nothing", async () => {
  const { metadata } = await world();
  must(await metadata.set("user-meta", "wifi.debug", "0x10"));
  expect([metadata.userMeta("wifi.debug"), metadata.userMeta("none")]).toEqual(["0x10", ""]);
  expect(mustFail(await metadata.remove("user-meta", "none"))).toEqual({ status: 404, why: "Key does not exist" });
});
