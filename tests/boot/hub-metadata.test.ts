import { describe, expect, test } from "bun:test";
import { forHub, openHubMetadata } from "../../runtime/boot/hub-metadata.ts";
import type { ToLink } from "../../runtime/fleet/pipe/index.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import { drained, virtualClock } from "../sim/clock.ts";

type Refusal = { readonly status: 400 | 404 | 409 | 500 | 507; readonly why: string };

function world(refuse: (key: string) => Refusal | null = () => null) {
  const clock = virtualClock();
  const said: ToLink[] = [];
  const warned: string[] = [];
  const user = new Map<string, string>();
  const device = new Map([["pantavisor.version", "0.1.0"]]);
  let heard = (): void => {};
  const answer = (key: string, act: () => void): Result<void, Refusal> => {
    const why = refuse(key);
    if (why !== null) return err(why);
    act();
    return ok(undefined);
  };
  const metadata = openHubMetadata({
    metadata: {
      entries: async (kind) => (kind === "user-meta" ? user : device),
      set: async (_, key, value) => answer(key, () => user.set(key, value)),
      remove: async (_, key) =>
        user.delete(key) ? answer(key, () => {}) : err({ status: 404, why: "Key does not exist" } as const),
      onDeviceMeta: (listener) => {
        heard = listener;
      },
    },
    log: { warn: (line) => void warned.push(line) },
    say: (message) => void said.push(message),
    setTimer: clock.set,
  });
  const settled = async (): Promise<void> => {
    while (clock.next()) await drained();
    await drained();
  };
  return { metadata, said, warned, user, device, heard: () => heard(), settled };
}
const change = (set: [string, string][], remove: string[] = []) =>
  ({ kind: "userMeta", sequence: 7, set, remove }) as const;

describe("what the hub wants kept", () => {
  test("is kept as the device's own, and answered when it is", async () => {
    const { metadata, said, user, settled } = world();
    user.set("old", "x").set("own", "y");
    metadata.hear(change([["a", "1"]], ["old", "never"]));
    await settled();
    expect([...user]).toEqual([
      ["own", "y"],
      ["a", "1"],
    ]);
    expect(said).toEqual([{ kind: "userMeta", sequence: 7, kept: true }]);
  });

  test("and no device can keep is passed over with a warning", async () => {
    const { metadata, said, warned, settled } = world((key) =>
      key === "a" ? { status: 400, why: "a is no key" } : null,
    );
    metadata.hear(change([["a", "1"]]));
    await settled();
    expect([said, warned]).toEqual([
      [{ kind: "userMeta", sequence: 7, kept: true }],
      ["user-meta of the hub: a is no key"],
    ]);
  });

  test.each([500, 507] as const)("and could not be kept today (%d) is not said to be kept", async (status) => {
    const { metadata, said, settled } = world(() => ({ status, why: "no" }));
    metadata.hear(change([["a", "1"]]));
    await settled();
    expect(said).toEqual([{ kind: "userMeta", sequence: 7, kept: false }]);
  });
});

describe("device-meta", () => {
  test("is told to each link that starts, and when it has changed, not otherwise", async () => {
    const { metadata, said, device, heard, settled } = world();
    metadata.begin();
    metadata.changed();
    await settled();
    metadata.changed();
    await settled();
    expect(said).toEqual([{ kind: "deviceMeta", entries: [["pantavisor.version", "0.1.0"]] }]);
    device.set("web.state", "on");
    heard();
    await settled();
    expect(said).toHaveLength(2);
    metadata.begin();
    await settled();
    expect(said).toHaveLength(3);
  });

  test("for a hub is what stands still: no time, no load, no ends of containers' interfaces", () => {
    const told = forHub(
      new Map([
        ["time", "1"],
        ["sysinfo", "{}"],
        ["storage", "{}"],
        ["pantavisor.status", "READY"],
        ["pantavisor.arch", "x86_64/64/EL"],
        ["interfaces", '{"eth0.ipv4":["192.0.2.7"],"vethX1.mac":"02:00"}'],
        ["a", "x".repeat(4097)],
      ]),
    );
    expect(told).toEqual([
      ["interfaces", '{"eth0.ipv4":["192.0.2.7"]}'],
      ["pantavisor.arch", "x86_64/64/EL"],
    ]);
  });

  test("that containers made large is told as far as there is room, the facts of the device in any case", () => {
    const large = Array.from({ length: 512 }, (_, at) => [`key${at}`, "\u0000".repeat(4_000)] as const);
    const told = forHub(new Map([...large, ["pantavisor.arch", "x86_64/64/EL"]]));
    expect(told.map(([key]) => key)).toContain("pantavisor.arch");
    expect(told.length).toBe(7);
    expect(JSON.stringify({ kind: "deviceMeta", entries: told }).length).toBeLessThan(256 * 1024);
  });
});
