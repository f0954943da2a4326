/** A device whose hub goes on to another order key. */
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readPrivateKey } from "../../../runtime/certificates/index.ts";
import { must } from "../../store/world.ts";
import { closeAll, device, EPOCH, hub, running } from "./world.ts";

afterEach(closeAll);

const gc = (id: number) =>
  ({ id, operation: "gc", arguments: "", expiry: Math.floor(Date.now() / 1000) + 600 }) as const;

test("the next key is kept, told to the hub at once, and the only one that counts, also after a restart", async () => {
  const at = await hub();
  const link = device(at);
  const membership = () => JSON.parse(readFileSync(`${link.folder}/membership.json`, "utf8"));
  const epochs = () => membership().orderKeys.map(([epoch]: [number]) => epoch);
  link.begin();
  link.say(running("1"));
  const { id } = await link.heard("joined");
  expect((await at.state()).orderEpoch).toBe(EPOCH);
  await at.handOver(id);
  while ((await at.state()).orderEpoch !== EPOCH + 1);
  expect(epochs()).toEqual([EPOCH + 1]);
  await at.order(id, gc(1), EPOCH);
  await at.order(id, gc(2), EPOCH + 1);
  expect(await link.heard("command")).toMatchObject({ id: 2 }); // and the first one had come before it
  const { publicKey } = must(readPrivateKey(readFileSync(`${link.folder}/key.pem`, "utf8")));
  const renewed = at.authority.certify(String(id), publicKey, 500);
  await at.renew(id, renewed, EPOCH + 1);
  while (membership().renewed !== renewed) await Bun.sleep(20);
  expect(epochs()).toEqual([EPOCH + 1]); // what is kept of certificates brings no old key back
  link.hangUp();
  await link.ended;

  const again = device(at, link.folder);
  again.begin();
  again.say(running("1"));
  await again.heard("joined");
  expect((await at.state()).orderEpoch).toBe(EPOCH + 1);
  await at.handOver(id, EPOCH + 1);
  while ((await at.state()).orderEpoch !== EPOCH + 2);
  expect(epochs()).toEqual([EPOCH + 2]);
});
