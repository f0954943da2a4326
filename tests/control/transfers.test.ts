import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { controlObjects } from "../../runtime/boot/control-objects.ts";
import { explainListenError, type Listener, listen, openTransfers } from "../../runtime/control/index.ts";
import { paceLimits } from "../../runtime/control/pace.ts";
import { TRANSFERS_MAX } from "../../runtime/control/transfers.ts";
import { type Disk, openStore, realDisk } from "../../runtime/store/index.ts";
import { watchfulDisk } from "../store/disks.ts";
import { sha256 } from "../store/world.ts";
import { connect, sendAll, until } from "./client.ts";
import { fakeDevice } from "./device.ts";

const folder = mkdtempSync(join(tmpdir(), "cairn-transfers-"));
const listeners: Listener[] = [];
let storage = "";
let next = 0;
beforeEach(() => {
  storage = join(folder, `storage-${next++}`);
  mkdirSync(join(storage, "objects"), { recursive: true });
});
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const transfers = openTransfers();
function serve(disk: Disk = watchfulDisk(realDisk).disk): string {
  const result = listen({
    path: join(folder, `${next++}`, "pv-ctrl"),
    caller: { kind: "host" },
    device: fakeDevice({ objects: controlObjects(openStore(disk, storage), 0) }),
    transfers,
    onBug: (error) => expect.unreachable(String(error)),
  });
  if (!result.ok) throw new Error(explainListenError(result.error));
  listeners.push(result.value);
  return result.value.path;
}

const stored = () => readdirSync(join(storage, "objects"));
const upload = (digest: string, bytes: number, headers = "") =>
  `PUT /objects/${digest} HTTP/1.1\r\nContent-Length: ${bytes}\r\n${headers}\r\n`;
const put = (path: string, digest: string, body: Uint8Array<ArrayBuffer> | string) =>
  fetch(`http://localhost/objects/${digest}`, { unix: path, method: "PUT", body });
const bytesOf = (count: number, seed = 7) => {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at++) bytes[at] = (at * seed) >> 3;
  return bytes;
};
/** All places are free again: a new transfer of each kind gets one. */
const placesAreFree = () => {
  const taken = Array.from({ length: TRANSFERS_MAX }, () => transfers.take());
  for (const release of taken) release?.();
  return taken.every((release) => release !== null);
};

describe("PUT /objects", () => {
  test("stores what is sent, and says the same when it is there already", async () => {
    const path = serve();
    const bytes = bytesOf(3_000_000);
    const digest = sha256(bytes);
    for (let round = 0; round < 2; round++) {
      const response = await put(path, digest, bytes);
      expect([response.status, await response.text()]).toEqual([200, ""]);
    }
    expect(stored()).toEqual([digest]);
    expect(Buffer.compare(readFileSync(join(storage, "objects", digest)), bytes)).toBe(0);
  });

  test("an empty object is one", async () => {
    const client = await connect(serve(), upload(sha256(""), 0));
    expect(await client.closed).toStartWith("HTTP/1.1 200 OK");
    expect(stored()).toEqual([sha256("")]);
  });

  test("of an object that is there, the client first says all it has to say", async () => {
    const bytes = bytesOf(2_000_000);
    writeFileSync(join(storage, "objects", sha256(bytes)), bytes);
    const client = await connect(serve(), upload(sha256(bytes), bytes.length));
    expect(await sendAll(client, bytes)).toBe(true);
    expect(await client.closed).toStartWith("HTTP/1.1 200 OK");
  });

  test("wrong bytes are 422, and nothing is kept", async () => {
    const response = await put(serve(), sha256("right"), "wrong");
    expect([response.status, Object.keys((await response.json()) as object)]).toEqual([422, ["Error"]]);
    expect(stored()).toEqual([]);
  });

  test.each([["short"], ["A".repeat(64)], ["..%2F..%2Fetc%2Fpasswd"]])("%s is no digest: 400", async (name) => {
    expect((await put(serve(), name, "x")).status).toBe(400);
    expect(stored()).toEqual([]);
  });

  test("more than there is room for is 507 before a byte of it is read", async () => {
    const client = await connect(serve(), upload(sha256("x"), 900_000_000_000_000));
    expect(await client.closed).toStartWith("HTTP/1.1 507 Insufficient Storage");
    expect(stored()).toEqual([]);
  });

  test("a disk that fills up meanwhile is 507, and nothing is kept", async () => {
    const full: Disk = {
      ...realDisk,
      create: async (why, path, mode) => {
        const made = await realDisk.create(why, path, mode);
        if (!made.ok) return made;
        const error = { kind: "noSpace", call: "write", why, path, code: "ENOSPC" } as const;
        return { ok: true, value: { ...made.value, write: async () => ({ ok: false, error }) } };
      },
    };
    const client = await connect(serve(full), upload(sha256("x"), 5_000_000));
    await sendAll(client, bytesOf(5_000_000));
    expect(await client.closed).toStartWith("HTTP/1.1 507");
    expect(stored()).toEqual([]);
  });

  test("without a length it is refused", async () => {
    const client = await connect(serve(), `PUT /objects/${sha256("x")} HTTP/1.1\r\n\r\n`);
    expect(await client.closed).toEndWith('{"Error":"Wants Content-Length"}');
  });

  test("waits for a client that asks first, but not when it is refused", async () => {
    const path = serve();
    const asking = await connect(path, upload(sha256("x"), 1, "Expect: 100-continue\r\n"));
    await until(() => asking.received() > 0);
    asking.socket.write("x");
    expect(await asking.closed).toStartWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n");
    const refused = await connect(path, upload("short", 1, "Expect: 100-continue\r\n"));
    expect(await refused.closed).toStartWith("HTTP/1.1 400");
  });

  test("that breaks off in the middle leaves nothing behind, not even its place", async () => {
    const path = serve();
    for (let round = 0; round < 2 * TRANSFERS_MAX; round++) {
      const client = await connect(path, upload(sha256("x"), 1_000_000));
      client.socket.write(bytesOf(5000));
      await until(() => stored().length > 0);
      if (round % 2 === 0) client.socket.terminate();
      else client.socket.shutdown();
      await until(() => stored().length === 0);
    }
    await until(placesAreFree);
  });

  test("waits while the disk is slow, and reads no further meanwhile", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow: Disk = {
      ...realDisk,
      create: async (why, path, mode) => {
        const made = await realDisk.create(why, path, mode);
        if (!made.ok) return made;
        const write = async (bytes: Uint8Array) => {
          await promise;
          return made.value.write(bytes);
        };
        return { ok: true, value: { ...made.value, write } };
      },
    };
    const bytes = bytesOf(20_000_000);
    const client = await connect(serve(slow), upload(sha256(bytes), bytes.length));
    let sent = 0;
    for (let stalled = 0; stalled < 20; ) {
      const wrote = client.socket.write(bytes.subarray(sent));
      sent += wrote;
      stalled = wrote === 0 ? stalled + 1 : 0;
      await Bun.sleep(5);
    }
    expect(sent).toBeLessThan(4_000_000);
    resolve();
    expect(await sendAll(client, bytes.subarray(sent))).toBe(true);
    expect(await client.closed).toStartWith("HTTP/1.1 200 OK");
  });
});

describe("how many at once", () => {
  test("one too many, whichever way, is told to come again; the others are not disturbed", async () => {
    const paths = [serve(), serve()];
    const bodies = Array.from({ length: TRANSFERS_MAX }, (_, at) => bytesOf(300_000, at + 3));
    const clients = await Promise.all(
      bodies.map((body, at) => connect(paths[at % 2] ?? "", upload(sha256(body), body.length))),
    );
    await until(() => stored().length === TRANSFERS_MAX);
    const fifth = await put(paths[0] ?? "", sha256("fifth"), "fifth");
    expect([fifth.status, fifth.headers.get("retry-after")]).toEqual([503, "10"]);
    const get = await fetch(`http://localhost/objects/${sha256("x")}`, { unix: paths[1] ?? "" });
    expect(get.status).toBe(503);
    expect((await fetch("http://localhost/objects", { unix: paths[0] ?? "" })).status).toBe(200);

    for (const [at, client] of clients.entries()) await sendAll(client, bodies[at] ?? new Uint8Array());
    for (const client of clients) expect(await client.closed).toStartWith("HTTP/1.1 200 OK");
    expect((await put(paths[0] ?? "", sha256("fifth"), "fifth")).status).toBe(200);
    expect(stored().toSorted()).toEqual([...bodies.map(sha256), sha256("fifth")].toSorted());
  });

  test(
    "one that drips, and one that does not read, are cut off, and leave their places",
    async () => {
      const path = serve();
      const bytes = bytesOf(8_000_000);
      writeFileSync(join(storage, "objects", sha256(bytes)), bytes);
      const drip = await connect(path, upload(sha256("x"), 1_000_000));
      const dripping = setInterval(() => drip.socket.write("x"), 500);
      const deaf = await connect(path, `GET /objects/${sha256(bytes)} HTTP/1.1\r\n\r\n`);
      deaf.socket.pause();
      await until(() => stored().length === 2);
      await until(() => stored().length === 1);
      await until(placesAreFree);
      clearInterval(dripping);
      deaf.socket.resume();
      expect((await deaf.closed).length).toBeLessThan(bytes.length);
      expect(await drip.closed).toBe("");
    },
    paceLimits.idleMs + 10_000,
  );
});

describe("GET /objects", () => {
  test("gives the bytes and their number", async () => {
    const bytes = bytesOf(1_000_001);
    writeFileSync(join(storage, "objects", sha256(bytes)), bytes);
    const response = await fetch(`http://localhost/objects/${sha256(bytes)}`, { unix: serve() });
    expect(response.headers.get("content-length")).toBe("1000001");
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(Buffer.compare(await response.bytes(), bytes)).toBe(0);
  });

  test("of a large one to a client that reads slowly costs little memory, and others are served", async () => {
    const size = 64 << 20;
    const bytes = new Uint8Array(size).fill(7);
    const digest = sha256(bytes);
    writeFileSync(join(storage, "objects", digest), bytes);
    const path = join(folder, "memory");
    const server = Bun.spawn([process.execPath, join(import.meta.dir, "server.ts"), path, storage], { stdout: "pipe" });
    try {
      await server.stdout.getReader().read(); // it says that it listens
      const peakKiB = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]);
      const before = peakKiB();
      const client = await connect(path, `GET /objects/${digest} HTTP/1.1\r\n\r\n`);
      client.socket.pause();
      expect((await fetch("http://localhost/buildinfo", { unix: path })).status).toBe(200);
      while (client.received() < size) {
        client.socket.resume();
        await Bun.sleep(0);
        client.socket.pause();
      }
      client.socket.resume();
      expect((await client.closed).length).toBeGreaterThan(size);
      expect(peakKiB() - before).toBeLessThan(16_000);
    } finally {
      server.kill();
    }
  }, 60_000);

  test("a client that goes away in the middle costs no descriptor", async () => {
    const bytes = bytesOf(8_000_000);
    writeFileSync(join(storage, "objects", sha256(bytes)), bytes);
    const path = serve();
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < TRANSFERS_MAX * 2; round++) {
      const client = await connect(path, `GET /objects/${sha256(bytes)} HTTP/1.1\r\n\r\n`);
      await until(() => client.received() > 0);
      client.socket.terminate();
      await client.closed;
    }
    await until(() => placesAreFree() && readdirSync("/proc/self/fd").length <= before);
  });

  test("an object that ends early cuts the client off", async () => {
    const bugs: string[] = [];
    const path = join(folder, "short");
    const result = listen({
      path,
      caller: { kind: "host" },
      device: fakeDevice({
        objects: {
          ...fakeDevice().objects,
          open: async () => ({ ok: true, value: { sizeBytes: 10, chunks: shortOf() } }),
        },
      }),
      transfers,
      onBug: (error) => void bugs.push(String(error)),
    });
    if (!result.ok) throw new Error(explainListenError(result.error));
    listeners.push(result.value);
    const client = await connect(path, `GET /objects/${sha256("x")} HTTP/1.1\r\n\r\n`);
    expect(await client.closed).toEndWith("\r\n\r\nshort");
    expect(bugs).toEqual(["Error: the object was to have 10 bytes"]);
    expect(placesAreFree()).toBe(true);
  });
});

async function* shortOf(): AsyncIterable<Uint8Array> {
  yield Buffer.from("short");
}
