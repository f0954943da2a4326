import { afterEach, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { newPrivateKey, readRequest } from "../../../runtime/certificates/index.ts";
import { explainIdentity, openIdentity } from "../../../runtime/fleet/identity/index.ts";
import { parseDeviceId } from "../../../runtime/fleet/terms/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { mustHold, type Story, seeds } from "../../sim/campaign.ts";
import { simulatedDisk } from "../../sim/disk.ts";
import { CUT } from "../../sim/power.ts";
import { emptyFolder, must, mustFail, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

test("a device makes its key once; its id is that of the key, and its request is for it", async () => {
  const folder = emptyFolder();
  const first = must(await openIdentity(realDisk, folder));
  expect(parseDeviceId(first.id)).toBe(first.id);
  expect(must(readRequest(first.request)).commonName).toBe(first.id);
  expect(statSync(`${folder}/key.pem`).mode & 0o777).toBe(0o600);
  expect(must(await openIdentity(realDisk, folder))).toEqual(first);
  expect(must(await openIdentity(realDisk, emptyFolder())).id).not.toBe(first.id);
});

test("its id is the one that the hub makes of the public key", async () => {
  const folder = emptyFolder();
  const { id } = must(await openIdentity(realDisk, folder));
  const openssl = (...words: string[]) => Bun.spawnSync(["openssl", ...words]).stdout;
  const der = openssl("pkey", "-in", `${folder}/key.pem`, "-pubout", "-outform", "DER");
  const digest = new Bun.CryptoHasher("sha256").update(der).digest();
  const base32 = Bun.spawnSync(["base32", "-w", "0"], { stdin: digest }).stdout.toString().toLowerCase();
  expect(id as string).toBe(base32.slice(0, 13));
});

test.each([
  ["", /cannot be used/],
  [newPrivateKey("p384"), /not of P-256/],
  ["x".repeat(5_000), /tooLarge|EFBIG|large/i],
])("a key that cannot be used is told and left alone", async (key, why) => {
  const folder = emptyFolder();
  writeFileSync(`${folder}/key.pem`, key);
  expect(explainIdentity(mustFail(await openIdentity(realDisk, folder)))).toMatch(why);
  expect(readFileSync(`${folder}/key.pem`, "latin1")).toBe(key);
});

/** Who somebody else has heard of is still there after a cut. */
const staysItself: Story = async ({ rng, power }) => {
  const storage = simulatedDisk(rng.fork("storage"), power, { at: "/storage" });
  const known = new Set<string>();
  for (let boot = 0; boot < 3; boot += 1) {
    const disk = storage.mount();
    const ended = await power.run(async () => {
      const identity = await openIdentity(disk, "/storage");
      if (identity.ok) known.add(identity.value.id);
    });
    if (ended !== CUT) power.cut();
  }
  if (known.size > 1) throw new Error(`one device was ${known.size}`);
};

test("no cut and no error makes another device of it", async () => {
  await mustHold("identity", staysItself, { cut: 0.1, noSpace: 0.02, io: 0.02 }, seeds(1_000));
}, 60_000);
