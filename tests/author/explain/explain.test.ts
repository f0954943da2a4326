import { describe, expect, test } from "bun:test";
import { explainRevision, judgeSignatures } from "../../../runtime/author/explain/index.ts";
import { readPublicKeys } from "../../../runtime/signatures/index.ts";
import type { Digest, State } from "../../../runtime/state/index.ts";
import { vectorText } from "../../signatures/vectors.ts";
import { device, digestOf, everythingSigned, signed, stateOf } from "./revisions.ts";

const NO_SIGNATURES = { each: [], uncovered: [] };

const explained = (state: State, other: State | null = null, sizes = new Map<Digest, number>()) =>
  explainRevision({ state, sizes, signatures: NO_SIGNATURES }, other);

describe("what is in a revision", () => {
  test("is told by part; an object counts once, and one that is away is named", () => {
    const members = {
      ...device,
      "web/again": digestOf("web root"),
      "_sigs/web.json": {},
      "README.md": digestOf("readme"),
    };
    const sizes = new Map([
      [digestOf("web root") as Digest, 1000],
      [digestOf("web") as Digest, 10],
      [digestOf("kernel") as Digest, 7],
    ]);
    const parts = Object.fromEntries(explained(stateOf(members), null, sizes).parts.map((part) => [part.name, part]));
    expect(parts["web"]).toEqual({
      name: "web",
      kind: "container",
      keys: 7, // its five, _config/web/etc/motd and _sigs/web.json
      bytes: 1010,
      missing: [digestOf("hello") as Digest],
    });
    expect(parts["bsp"]).toMatchObject({ kind: "base system", bytes: 7, missing: [digestOf("initrd") as Digest] });
    expect(parts["(device)"]).toMatchObject({ kind: "device", keys: 2 });
  });

  test("is told by container, with what its src.json says of its image", () => {
    const [radio, web] = explained(stateOf(device)).containers;
    expect(radio).toMatchObject({ from: null, restartPolicy: "system", roles: ["mgmt"], ports: [] });
    expect(web).toMatchObject({
      from: "nginx:1.27 (sha256:77)",
      group: "app",
      goal: "READY",
      restartPolicy: "container",
      root: "root.squashfs",
      storage: [{ name: "docker--data", persistence: "permanent", disk: "ssd" }],
      network: "pool internal",
      ports: ["80/tcp"],
    });
  });
});

test("what it needs is named, with who needs it and whether it is there", () => {
  expect(explained(stateOf(device)).needs).toEqual({
    drivers: [
      { alias: "wifi", required: true, defined: true, by: ["radio"] },
      { alias: "led", required: false, defined: false, by: ["radio"] },
    ],
    services: [
      { name: "net", required: true, from: ["radio"], by: ["web"] },
      { name: "camera", required: false, from: [], by: ["web"] },
    ],
    disks: [{ name: "ssd", defined: false, by: ["web"] }],
    pools: [{ name: "internal", defined: false, by: ["web"] }],
    fileSystems: ["squashfs"],
    verity: false,
  });
});

test("groups come in the order in which they start", () => {
  expect(explained(stateOf(device)).groups).toEqual([
    { name: "root", goal: "STARTED", containers: ["radio"] },
    { name: "app", goal: "READY", containers: ["web"] },
  ]);
});

describe("what a device would do", () => {
  const before = stateOf(device);

  test("with another container of a group that needs no reboot: exchange it alone", () => {
    const after = stateOf({ ...device, "web/root.squashfs": digestOf("new"), "web/src.json": { docker_tag: "2" } });
    const sizes = new Map([
      [digestOf("new") as Digest, 5],
      [digestOf("web") as Digest, 100],
    ]);
    expect(explained(after, before, sizes).change).toEqual({
      transition: { kind: "swap", affected: new Set(["web"] as never[]) },
      added: [],
      removed: [],
      changed: ["web"],
      newBytes: 5,
    });
  });

  test("with another kernel: reboot, and the containers that differ are told all the same", () => {
    const after = { ...device, "bsp/kernel": digestOf("new"), "_config/web/etc/motd": digestOf("bye") };
    expect(explained(stateOf(after), before).change).toMatchObject({
      transition: { kind: "reboot", because: ["bsp/kernel"] },
      changed: ["web"],
    });
  });

  test("with other notes and signatures: nothing", () => {
    const after = everythingSigned({ ...device, "web/src.json": {} });
    expect(explained(stateOf(after), before).change).toMatchObject({
      transition: { kind: "swap", affected: new Set() },
      changed: [],
      newBytes: 0,
    });
  });
});

describe("signatures", () => {
  const judge = () => {
    const keys = readPublicKeys(vectorText("pki/dev-rsa.pub"));
    if (!keys.ok) throw new Error("no key");
    return { trust: { certificates: [], keys: keys.value }, nowMs: null };
  };

  test("say what they claim as long as nobody says whom to believe", () => {
    const { each, uncovered } = judgeSignatures(stateOf(signed(device, "web", ["web/**"], ["web/src.json"])), null);
    expect(each).toMatchObject([
      { key: "_sigs/web.json", verdict: { kind: "unverified" }, excluded: ["web/src.json"] },
    ]);
    expect(each[0]?.protected).toEqual(["web/lxc.container.conf", "web/root.squashfs", "web/run.json"]);
    expect(uncovered).toContain("_config/web/etc/motd");
    expect(uncovered).not.toContain("web/src.json");
    expect(uncovered).not.toContain("_sigs/web.json");
  });

  test("cover what the good ones protect", () => {
    const { each, uncovered } = judgeSignatures(stateOf(everythingSigned()), judge());
    expect(each.map(({ verdict }) => verdict.kind)).toEqual(["good"]);
    expect(uncovered).toEqual([]);
  });

  test("each stand for themselves: a bad one protects nothing and hides no other", () => {
    const both = signed(signed(device, "radio", ["radio/**"], []), "web", ["web/**"], ["web/src.json"]);
    const changed = stateOf({ ...both, "web/root.squashfs": digestOf("stranger") });
    const { each, uncovered } = judgeSignatures(changed, judge());
    expect(each.map(({ key, verdict }) => [key, verdict.kind])).toEqual([
      ["_sigs/radio.json", "good"],
      ["_sigs/web.json", "bad"],
    ]);
    expect(uncovered).toContain("web/root.squashfs");
    expect(uncovered).toContain("web/src.json");
    expect(uncovered).not.toContain("radio/root.squashfs");
  });
});
