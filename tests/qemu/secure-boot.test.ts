/** A device that trusts only what is signed: what it takes, what it refuses, and what it says then. */
import { expect } from "bun:test";
import {
  allGoalsReached,
  bringAlong,
  type Device,
  incoming,
  probeContainer,
  type Revision,
  revision,
  scriptContainer,
  sharedDevice,
  signed,
  testArch,
  trustStore,
  whenContainers,
} from "./index.ts";

const arch = testArch();

async function device(says: string): Promise<Revision> {
  const app = await scriptContainer(
    arch,
    "app",
    `trap 'exit 0' TERM PWR\necho I am ${says}\nwhile :; do sleep 1000 & wait; done\n`,
  );
  return revision({ arch, containers: [await probeContainer(arch), app], base: { files: trustStore } });
}

const revisions = async () => {
  const changed = await device("the second");
  return {
    factory: signed(await device("the first")),
    good: signed(changed, "dev-rsa"),
    unsigned: changed,
    partly: signed(changed, "dev-ec256", ["app/**", "bsp/**"]),
    rogue: signed(changed, "rogue"),
  };
};
const ready = revisions();

const test = sharedDevice(async () => {
  const { factory, ...others } = await ready;
  return {
    name: `secure-boot-${arch}`,
    arch,
    revision: factory,
    loader: "real",
    reboots: true,
    memoryMib: 512,
    append: ["PV_UPDATER_COMMIT_DELAY=2"],
    disk: { prepare: bringAlong(others, factory) },
  };
});

const install = (device: Device, name: string) =>
  device.run(`cairn ctl install ${incoming(name)} --name locals/${name} --run`, 240_000);

test("with a trust store it is strict, and a signed factory revision boots", async (device) => {
  await device.must("true", 180_000);
  await whenContainers(device, "the factory's goals", allGoalsReached, 120_000);
  const log = await device.must("cat /storage/logs/0/pantavisor/pantavisor.log");
  expect(log).toContain("signatures: strict; 1 certificates and 0 keys are trusted");
});

for (const [name, why] of [
  ["unsigned", /Secureboot: State not fully covered by signatures: #spec, app\/.* and \d+ more/],
  ["partly", /Secureboot: State not fully covered by signatures: #spec/],
  ["rogue", /Secureboot: signature "_sigs\/device.json": .*Root B.*neither in x5c nor trusted/],
] as const) {
  test(`what is ${name} is refused before it is stored, and the reason names what is wrong`, async (device) => {
    const { code, stderr } = await install(device, name);
    expect(stderr).toMatch(why);
    expect(code).not.toBe(0);
    expect((await device.run(`ls /storage/trails/locals/${name}`)).code).not.toBe(0);
  });
}

test("what is signed by another key of the same authority is exchanged and committed", async (device) => {
  const { code, stdout, stderr } = await install(device, "good");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("locals/good");
});

test("a state that was changed where it is stored is not run: the record names signature and key", async (device) => {
  const trail = "/storage/trails/locals/good/.pvr/json";
  await device.must("cairn ctl cmd run 0");
  await device.console(/revision 0: DONE/, 120_000);
  await device.must(`sed -i 's/"optional":\\[\\]/"optional":["wifi"]/' ${trail} && grep -q wifi ${trail} && sync`);
  await device.run("cairn ctl cmd run locals/good");
  await device.console(/revision locals\/good: WONTGO/, 60_000);
  const record = JSON.parse(await device.must("cairn ctl steps show-progress locals/good --json"));
  expect(record).toMatchObject({ status: "WONTGO", "status-msg": "Signature validation failed" });
  expect(record.evidence).toMatchObject({ reason: "badSignature" });
  expect(record.evidence.message).toMatch(
    /signature "_sigs\/device.json": the content was changed after it was signed/,
  );
});
