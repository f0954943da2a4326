import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readPrivateKey } from "../../../runtime/certificates/index.ts";
import { readCertificates } from "../../../runtime/signatures/index.ts";
import { must } from "../../store/world.ts";
import { closeAll, device, hub, running } from "./world.ts";

afterEach(closeAll);

const DAY_MS = 86_400_000;

test("a certificate that ends soon is followed by another one, with which the device comes back", async () => {
  const at = await hub();
  const link = device(at, undefined, 100, () => Date.now() + 250 * DAY_MS);
  const membership = () => JSON.parse(readFileSync(`${link.folder}/membership.json`, "utf8"));
  const endOf = (pem: string): number => must(readCertificates(pem))[0]?.notAfterMs ?? 0;
  link.begin();
  link.say(running("1"));
  const { id } = await link.heard("joined");
  const { certificate: first } = membership();
  expect((await at.renewal()).notAfter).toBe(Math.floor(endOf(first) / 1000));
  const { publicKey } = must(readPrivateKey(readFileSync(`${link.folder}/key.pem`, "utf8")));
  const second = at.authority.certify(String(id), publicKey, 500);
  await at.renew(id, second);
  while (membership().renewed === null) await Bun.sleep(20);
  expect(membership()).toMatchObject({ certificate: first, renewed: second });
  // Attempts fail while there is no broker, and one that does not may be one with the old certificate.
  while (membership().renewed !== null) {
    await at.broker.stop();
    await at.broker.start();
    while (!/New client connected .* as [a-z2-7]{13} /.test(at.broker.log().split(" running").at(-1) ?? ""))
      await Bun.sleep(20);
  }
  expect(membership().certificate).toBe(second);
  expect(readFileSync(`${link.folder}/membership.json`, "utf8")).not.toContain("PRIVATE KEY");
});

test("a device that was away until its certificate had ended asks as in the beginning", async () => {
  const at = await hub();
  const first = device(at);
  first.begin();
  await first.heard("joined");
  first.hangUp();
  await first.ended;
  expect(at.asked()).toBe(1);
  const late = device(at, first.folder, 100, () => Date.now() + 400 * DAY_MS);
  late.begin();
  await late.heard("joined");
  expect(at.asked()).toBe(2);
});
