import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { gated } from "../../../runtime/fleet/session/gate.ts";

/** Both ends of a connection, ours behind a gate. */
async function connection(pass: (bytes: Uint8Array) => Promise<boolean>) {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const [socket, [peer]] = [
    connect((server.address() as AddressInfo).port, "127.0.0.1"),
    await once(server, "connection"),
  ];
  server.close();
  return { peer: peer as Socket, gate: gated(socket, pass) };
}

test("what comes waits for the gate, and nothing more is read meanwhile", async () => {
  const gates: ((may: boolean) => void)[] = [];
  let shown = 0;
  const { peer, gate } = await connection((bytes) => {
    shown += bytes.length;
    return new Promise((resolve) => void gates.push(resolve));
  });
  let came = 0;
  gate.on("data", (bytes: Uint8Array) => {
    came += bytes.length;
  });
  const total = 32 << 20;
  let written = false;
  peer.write(new Uint8Array(total), () => {
    written = true;
  });
  while (gates.length === 0) await Bun.sleep(1);
  const first = shown;
  await Bun.sleep(50);
  expect([shown, came, written]).toEqual([first, 0, false]);
  const opening = setInterval(() => gates.splice(0).forEach((open) => void open(true)), 0);
  while (came < total) await Bun.sleep(1);
  clearInterval(opening);
  expect(shown).toBe(total);
  peer.destroy();
  await once(gate, "close");
});

test("who is not let through is cut off", async () => {
  const { peer, gate } = await connection(async () => false);
  let came = 0;
  gate.on("data", () => {
    came += 1;
  });
  peer.write("hello");
  await Promise.all([once(gate, "close"), once(peer, "close")]);
  expect(came).toBe(0);
});

test("what goes is not looked at, arrives whole, and ends where it is ended", async () => {
  const { peer, gate } = await connection(async () => true);
  const heard: Uint8Array[] = [];
  peer.on("data", (bytes: Uint8Array) => heard.push(bytes));
  gate.write("one ");
  gate.cork();
  for (const word of ["two ", "three ", "four"]) gate.write(word);
  gate.uncork();
  gate.end();
  await once(peer, "end");
  expect(Buffer.concat(heard).toString()).toBe("one two three four");
});
