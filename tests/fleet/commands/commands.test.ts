import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type Commands, type CommandsPorts, openCommands } from "../../../runtime/fleet/commands/index.ts";
import { inflatedText } from "../../../runtime/fleet/logs/index.ts";
import type { Letter } from "../../../runtime/fleet/outbox/index.ts";
import type { CommandResult, FromLink } from "../../../runtime/fleet/pipe/index.ts";
import type { DeviceId, FleetName } from "../../../runtime/fleet/terms/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import type { RevisionName } from "../../../runtime/state/index.ts";
import { type Disk, realDisk } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT } from "../../sim/power.ts";
import { emptyFolder, must, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const NOW_MS = Date.UTC(2026, 10, 26);
const EPOCH = 3;
const secret = new Uint8Array(32).fill(9);
const keys = new Map([[EPOCH, ed25519.getPublicKey(secret)]]);
const at = { fleet: "lab" as FleetName, device: "abcdefghijklm" as DeviceId, leaf: "n/c" } as const;
const envelope = (more: Partial<wire.Command> = {}, to: typeof at = at, key = secret): Uint8Array =>
  wire.sealSigned(
    to,
    wire.encodeCommand({ id: 1, operation: "gc", arguments: "", expiry: NOW_MS / 1000 + 60, ...more }),
    EPOCH,
    (message) => ed25519.sign(message, key),
  );

const unspent = { caps: { dayBytes: null, monthBytes: null }, dayBytes: 0, monthBytes: 0, waitingBytes: 0 };

async function world(more: Partial<CommandsPorts> = {}) {
  const folder = more.folder ?? emptyFolder();
  const letters: Omit<Letter, "id">[] = [];
  const told: FromLink[] = [];
  const warned: string[] = [];
  const open = async (): Promise<Commands> =>
    must(
      await openCommands({
        disk: realDisk,
        folder,
        keys,
        async post(letter) {
          letters.push(letter);
          return true;
        },
        tell: (message) => void told.push(message),
        warn: (message) => void warned.push(message),
        wallMs: () => NOW_MS,
        spent: () => unspent,
        ...more,
      }),
    );
  return {
    folder,
    letters,
    told,
    warned,
    open,
    commands: await open(),
    results: () =>
      letters.filter(({ leaf }) => leaf === "u/r").map(({ bytes }) => must(wire.decodeCommandResult(bytes))),
    lines: () => letters.filter(({ leaf }) => leaf === "u/g").map(({ bytes }) => must(wire.decodeLogs(bytes))),
  };
}

const handedOn = (id: number, operation: string, argument = "", again = false) =>
  ({ kind: "command", id, operation, argument, again }) as const;
const result = (id: number, more: Partial<CommandResult> = {}): CommandResult => ({
  kind: "result",
  id,
  code: "done",
  text: "",
  logs: null,
  ...more,
});

describe("a command", () => {
  test("is handed on once, and its result goes to the hub and lasts", async () => {
    const { commands, told, letters, results } = await world();
    await commands.hear(at, envelope({ id: 7, operation: "restartContainer", arguments: "web" }));
    await commands.hear(at, envelope({ id: 7, operation: "restartContainer", arguments: "web" }));
    await commands.hear(at, envelope({ id: 6 }));
    expect(told).toEqual([handedOn(7, "restartContainer", "web")] as never);
    expect(commands.busy).toBe(true);
    await commands.result(result(7, { text: "container web restarts" }));
    expect(results()).toEqual([{ id: 7, code: "done", text: "container web restarts" }]);
    expect(letters.map(({ lasting }) => lasting)).toEqual([true]);
    expect(told.at(-1)).toEqual({ kind: "resultKept", id: 7 });
    expect(commands.busy).toBe(false);
    await commands.result(result(7));
    expect(letters).toHaveLength(1);
  });

  test("that another key, another device or another kind of message was signed for is not taken", async () => {
    const { commands, told, warned, letters } = await world();
    const other = { ...at, device: "bcdefghijklmn" as DeviceId };
    const desired = wire.sealSigned(
      { ...at, leaf: "n/d" },
      wire.encodeBeacon({ time: 1, epoch: 1, nextKey: null }),
      EPOCH,
      (m) => ed25519.sign(m, secret),
    );
    const wrong = [envelope({}, at, new Uint8Array(32).fill(8)), envelope({}, other), desired, Uint8Array.of(1)];
    for (const one of wrong) await commands.hear(at, one);
    expect([told, letters]).toEqual([[], []]);
    expect(warned).toHaveLength(wrong.length);
  });

  test("that comes too late is answered so, once", async () => {
    const { commands, told, results } = await world();
    const late = envelope({ id: 4, expiry: NOW_MS / 1000 });
    for (const one of [late, late]) await commands.hear(at, one);
    expect(told).toEqual([]);
    expect(results()).toEqual([{ id: 4, code: "expired", text: "it came too late" }]);
  });

  test("of too many that are under way is answered so", async () => {
    const { commands, told, results } = await world();
    for (let id = 1; id <= 9; id += 1) await commands.hear(at, envelope({ id }));
    expect(told).toHaveLength(8);
    expect(results()).toEqual([{ id: 9, code: "busy", text: "8 commands are under way" }]);
  });

  test("that the disk does not take is not carried out", async () => {
    const full: Disk = {
      ...realDisk,
      create: async (_why, path) => ({ ok: false, error: { kind: "noSpace", call: "open", path } }) as never,
    };
    const { commands, told, results, warned } = await world({ disk: full });
    for (const _ of [1, 2]) await commands.hear(at, envelope());
    expect(told).toEqual([]);
    expect(results()).toMatchObject([{ id: 1, code: "failed" }]);
    expect(warned).toHaveLength(1);
  });
});

describe("after a restart of the link", () => {
  test("what was taken is not taken again, and what was not answered is handed on as that", async () => {
    const { commands, told, open, results } = await world();
    await commands.hear(at, envelope({ id: 3, operation: "reboot" }));
    await commands.hear(at, envelope({ id: 4 }));
    await commands.result(result(4));
    told.length = 0;
    const again = await open();
    for (const id of [3, 4]) await again.hear(at, envelope({ id }));
    expect(told).toEqual([]);
    again.begin();
    expect(told).toEqual([handedOn(3, "reboot", "", true)] as never);
    await again.result(result(3));
    expect(results().map(({ id }) => id)).toEqual([4, 3]);
    told.length = 0;
    (await open()).begin();
    expect(told).toEqual([]);
  });

  test.each(["", "{}", '{"last":-1,"open":[]}', "\u0000"])("what is damaged counts as nothing: %p", async (text) => {
    const { folder, open, told } = await world();
    writeFileSync(`${folder}/commands.json`, text);
    const again = await open();
    await again.hear(at, envelope());
    expect(told).toHaveLength(1);
  });
});

describe("log lines", () => {
  const lines = Array.from({ length: 300 }, (_, at) => `${at} ${Bun.hash(`${at}`)} ${Bun.hash(`x${at}`)}`);
  const logs = { revision: "7" as RevisionName, lines };

  test("go before the result that counts them", async () => {
    const world1 = await world();
    await world1.commands.hear(at, envelope({ operation: "logs", arguments: "300" }));
    await world1.commands.result(result(1, { logs }));
    const [batch] = world1.lines();
    if (batch === undefined) throw new Error("lines");
    expect(batch).toMatchObject({ kind: "requested", revision: "7", command: 1 });
    expect(must(inflatedText(batch.deflated))).toBe(`${lines.join("\n")}\n`);
    expect(world1.letters.map(({ leaf, lasting }) => [leaf, lasting])).toEqual([
      ["u/g", true],
      ["u/r", true],
    ]);
    expect(world1.results()[0]?.text).toBe("300 lines");
  });

  test("are the newest that the budget has room for", async () => {
    const spent = { ...unspent, caps: { dayBytes: 10_000, monthBytes: null } };
    const tight = await world({ spent: () => spent });
    await tight.commands.hear(at, envelope({ operation: "logs", arguments: "300" }));
    await tight.commands.result(result(1, { logs }));
    const deflated = tight.lines()[0]?.deflated ?? new Uint8Array();
    expect(deflated.length).toBeLessThanOrEqual(4_500);
    expect(deflated.length).toBeGreaterThan(4_300);
    const text = must(inflatedText(deflated));
    expect(text.endsWith(`${lines.at(-1)}\n`)).toBe(true);
    const count = text.split("\n").length - 1;
    expect(tight.results()[0]?.text).toBe(`the last ${count} lines; ${300 - count} more did not fit`);
  });

  test("do not come when there is no room", async () => {
    const spent = { ...unspent, caps: { dayBytes: 1_000, monthBytes: null } };
    const empty = await world({ spent: () => spent });
    await empty.commands.hear(at, envelope({ operation: "logs", arguments: "300" }));
    await empty.commands.result(result(1, { logs }));
    expect(empty.lines()).toEqual([]);
    expect(empty.results().map(({ code }) => code)).toEqual(["busy"]);
  });

  test("that are none are a batch all the same, for who waits for them", async () => {
    const quiet = await world();
    await quiet.commands.hear(at, envelope({ operation: "logs", arguments: "300" }));
    await quiet.commands.result(result(1, { logs: { ...logs, lines: [] } }));
    expect(quiet.results()[0]).toMatchObject({ code: "done", text: "0 lines" });
    expect(quiet.lines().map(({ deflated }) => deflated.length)).toEqual([2]);
  });
});

/** A device that is cut off again and again, and a broker that says everything many times. */
const obeys: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("storage"), power, { at: "/storage" });
  const draw = rng.fork("commands");
  const [begun, promised] = [new Map<number, number>(), new Set<number>()];
  const answered = new Set<number>();
  for (let boot = 0; boot < 4; boot += 1) {
    const disk = storage.mount();
    const ended = await power.run(async () => {
      if (boot === 3) power.calm();
      const opened = await openCommands({
        disk,
        folder: "/storage",
        keys,
        async post({ leaf, bytes }) {
          if (leaf === "u/r") answered.add(must(wire.decodeCommandResult(bytes)).id);
          return true;
        },
        tell(message) {
          if (message.kind === "resultKept" && begun.has(message.id)) promised.add(message.id);
          if (message.kind !== "command" || message.again) return;
          begun.set(message.id, (begun.get(message.id) ?? 0) + 1);
        },
        warn: () => {},
        wallMs: () => NOW_MS,
        spent: () => unspent,
      });
      if (!opened.ok) return;
      opened.value.begin();
      for (let count = 0; count < 8; count += 1) {
        const id = 1 + draw.below(12);
        await opened.value.hear(at, envelopes[id - 1] ?? envelope());
        if (draw.chance(0.5)) await opened.value.result(result(1 + draw.below(12)));
      }
    });
    if (ended !== CUT) power.cut();
  }
  for (const [id, times] of begun) if (times > 1) throw new Error(`command ${id} was begun ${times} times`);
  for (const id of promised) if (!answered.has(id)) throw new Error(`the answer to ${id} is lost`);
};
const envelopes = Array.from({ length: 12 }, (_, at) => envelope({ id: at + 1 }));

test("no cut and no error makes a device begin a command twice, or lose an answer", async () => {
  await mustHold("commands", obeys, { cut: 0.02, noSpace: 0.01, io: 0.01 }, seeds(100));
}, 120_000);
