import { afterEach, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { openKeptTicket } from "../../../runtime/fleet/agent/kept-ticket.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const open = (folder: string, acrossRestarts = true) =>
  openKeptTicket({
    disk: realDisk,
    folder,
    acrossRestarts,
    warn: (message) => {
      throw new Error(message);
    },
  });
const ticket = Uint8Array.of(0, 1, 2, 255);

test("is there after a restart for the certificate that had it, and for no other; nobody else reads it", async () => {
  const folder = emptyFolder();
  const first = await open(folder);
  expect(first.of("mine")).toBeNull();
  first.keep("mine", ticket);
  expect(first.of("mine")).toEqual(ticket);
  for (let tries = 0; !existsSync(`${folder}/tls-ticket.json`) && tries < 500; tries += 1) await Bun.sleep(2);
  const again = await open(folder);
  expect([again.of("mine"), again.of("another")]).toEqual([ticket, null]);
  expect(statSync(`${folder}/tls-ticket.json`).mode & 0o777).toBe(0o600);
});

test("is kept in memory alone where none outlives the sleep", async () => {
  const folder = emptyFolder();
  const kept = await open(folder, false);
  kept.keep("mine", ticket);
  expect(kept.of("mine")).toEqual(ticket);
  await Bun.sleep(50);
  expect(existsSync(`${folder}/tls-ticket.json`)).toBe(false);
});

test.each(["", "{}", '{"certificate":"x","ticket":"?"}', '{"certificate":1,"ticket":""}', "x".repeat(20_000)])(
  "a damaged one is none: %p",
  async (text) => {
    const folder = emptyFolder();
    writeFileSync(`${folder}/tls-ticket.json`, text);
    expect((await open(folder)).of("x")).toBeNull();
  },
);
