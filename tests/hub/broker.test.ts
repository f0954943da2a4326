/** Rights at a real Mosquitto: what is allowed, and above all what is not. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPrivateKey } from "../../runtime/certificates/index.ts";
import { certifyAuthority, certifyDevice, certifyServer } from "../../runtime/hub/authority/index.ts";
import { explainBroker } from "../../runtime/hub/broker/index.ts";
import { readCertificate } from "../../runtime/signatures/index.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { DAY_MS, fleet, newDevice } from "./fixtures.ts";
import { type BrokerWorld, brokerWorld, type Identity, type Member, publish, subscribe } from "./mqtt.ts";

setDefaultTimeout(120_000); // many processes on a busy machine

let world: BrokerWorld;
let a: Member;
let b: Member;
beforeAll(async () => {
  world = await brokerWorld();
  a = await world.join();
  b = await world.join();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A and B stand for the ids of two devices. */
const named = (topic: string): string => topic.replace("A", a.name).replace("B", b.name);
const send = (by: Identity, topic: string, ...more: string[]) => publish(world, by, named(topic), ...more);
const listen = (by: Identity, ...filters: string[]) => subscribe(world, by, filters.map(named));
/** Messages that came, with A and B for the ids. */
const messages = (lines: readonly string[]) =>
  lines.map((line) => line.replace(a.name, "A").replace(b.name, "B")).sort();

describe("the matrix of rights", () => {
  beforeAll(async () => {
    // Retained: whoever may read it gets it at once.
    expect(await send(world.hub, "c/lab/A/n/d", "-r", "-m", "for a")).toBe("done");
    expect(await send(world.hub, "c/lab/B/n/d", "-r", "-m", "for b")).toBe("done");
    expect(await send(a, "c/lab/A/u/s", "-r", "-m", "of a")).toBe("done");
    expect(await send(b, "c/lab/B/u/s", "-r", "-m", "of b")).toBe("done");
  });

  test.each([
    // What a device asks for, and what it gets beside what is for it alone.
    ["c/lab/A/n/#", ["for a"]],
    ["c/lab/A/n/d", ["for a"]],
    ["#", ["for a"]],
    ["+/+/+/+/+", ["for a"]],
    ["c/#", ["for a"]],
    ["c/lab/+/n/#", ["for a"]],
    ["+/+/+/n/+", ["for a"]],
    ["c/lab/A/u/#", []],
    ["c/lab/+/u/#", []],
    ["c/lab/B/#", []],
    ["c/lab/B/n/d", []],
    ["c/lab/B/u/s", []],
    ["$share/any/#", ["for a"]],
    ["$share/any/c/lab/B/n/d", []],
    ["$share/any/c/lab/+/n/#", ["for a"]],
    ["$share/hub/c/lab/+/u/#", []],
    ["$SYS/#", []],
    ["$CONTROL/#", []],
  ])("reading %s", async (filter, wanted) => {
    await using device = await listen(a, filter, "c/lab/A/n/end");
    // The same again while it listens, and last what it must get.
    await send(world.hub, "c/lab/B/n/d", "-m", "live for b");
    await send(b, "c/lab/B/u/s", "-r", "-m", "of b");
    await send(world.hub, "c/lab/A/n/end", "-m", "end");
    await device.got.until(/end$/);
    const got = device.got.all.map((line) => line.slice(line.indexOf(" ") + 1)).filter((text) => text !== "end");
    expect(got).toEqual(wanted);
  });

  test.each([
    ["c/lab/A/u/s", "done"],
    ["c/lab/A/u/p", "done"],
    ["c/lab/A/n/d", "denied"],
    ["c/lab/A/n/t", "denied"],
    ["c/lab/A/x", "denied"],
    ["c/lab/A", "denied"],
    ["c/lab/B/u/s", "denied"],
    ["c/lab/B/n/d", "denied"],
    ["c/lab/hub/u/s", "denied"],
    ["c/other/A/u/s", "denied"],
    ["c/lab//u/s", "denied"],
    ["u/s", "denied"],
    ["$SYS/broker/version", "denied"],
    ["$CONTROL/dynamic-security/v1", "denied"],
  ])("a device writing %s is %s", async (topic, wanted) => expect(await send(a, topic)).toBe(wanted));

  test.each([
    ["c/lab/A/n/d", "done"],
    ["c/lab/B/n/c", "done"],
    ["c/lab/A/u/l", "done"], // takes away what a device left
    ["c/lab/A/x", "denied"],
    ["c/other/A/n/d", "denied"],
    ["$SYS/broker/version", "denied"],
  ])("the hub writing %s is %s", async (topic, wanted) => expect(await send(world.hub, topic)).toBe(wanted));

  test("the hub reads what is from devices, and not what it sent", async () => {
    await using hub = await listen(world.hub, "#");
    await send(b, "c/lab/B/u/p", "-m", "end");
    await hub.got.until(/end$/);
    const retained = hub.got.all.filter((line) => !line.endsWith("end"));
    expect(messages(retained)).toEqual(["c/lab/A/u/s of a", "c/lab/B/u/s of b"]);
  });
});

test("a device that shares the hub's subscription takes nothing from it, as the hub does not share", async () => {
  // Mosquitto lets anybody into a group and deals out messages before it looks at rights: what the thief is denied is lost for the group.
  await using _ = await listen(a, "$share/hub/c/lab/+/u/#");
  await using hub = await listen(world.hub, "c/lab/+/u/p");
  for (const text of ["1", "2", "3", "4"]) await send(b, "c/lab/B/u/p", "-m", text);
  await hub.got.until(/4$/);
  expect(messages(hub.got.all)).toEqual(["1", "2", "3", "4"].map((text) => `c/lab/B/u/p ${text}`));
});

describe("a will", () => {
  /** Connects with a will and is cut off. */
  async function die(topic: string): Promise<void> {
    const from = world.log.all.length;
    {
      await using _ = await subscribe(world, a, ["x"], "--will-topic", named(topic), "--will-payload", "will");
    }
    await world.log.until(new RegExp(`Client ${a.name} (?:closed its connection|disconnected)`), from);
  }

  test("on its own topic reaches the hub", async () => {
    await using hub = await listen(world.hub, "c/lab/A/u/l");
    await die("c/lab/A/u/l");
    await hub.got.until(/will$/);
  });

  test("on a topic of another device reaches nobody", async () => {
    await using device = await listen(b, "c/lab/B/n/x");
    await die("c/lab/B/n/x").catch(() => undefined); // or it is not even let in
    await send(world.hub, "c/lab/B/n/x", "-m", "end");
    await device.got.until(/end$/);
    expect(messages(device.got.all)).toEqual(["c/lab/B/n/x end"]);
  });
});

describe("names that a client gives itself change nothing", () => {
  test("the client id of another does not take over its session", async () => {
    await using device = await listen(b, "c/lab/B/n/x");
    const from = world.log.all.length;
    expect(await publish(world, a, named("c/lab/A/u/s"), "-i", b.name)).toBe("done");
    expect(await publish(world, a, named("c/lab/B/u/s"), "-i", b.name)).toBe("denied");
    await send(world.hub, "c/lab/B/n/x", "-m", "end");
    await device.got.until(/end$/);
    const about = world.log.all.slice(from).filter((line) => line.includes(b.name));
    expect(about.filter((line) => /disconnect|closed|already|New client/i.test(line))).toEqual([]);
  });

  test.each(["hub", "B", "#", "+"])("neither does user name %s", async (user) => {
    expect(await send(a, "c/lab/B/n/d", "-u", named(user), "-P", "x")).toBe("denied");
    expect(await send(a, "c/lab/A/u/s", "-u", named(user), "-P", "x")).toBe("done");
  });
});

describe("nobody gets in", () => {
  const refused = async (by: Identity, ...more: string[]): Promise<void> =>
    expect(await publish(world, by, named("c/lab/A/u/s"), ...more)).toMatch(/^exit [1-9]/);

  test("without a certificate", () => refused({ name: a.name, files: null }));

  test("without TLS, or with an old one", async () => {
    const tls = (version: string): string => {
      const files = ["-cert", a.files?.certificate ?? "", "-key", a.files?.key ?? ""];
      const words = ["s_client", "-connect", `127.0.0.1:${world.port}`, version, ...files];
      const { stdout } = Bun.spawnSync(["openssl", ...words], { stdin: Buffer.from("") });
      return /^ *(?:New|Reused), (\S+?),? /m.exec(stdout.toString())?.[1] ?? "none";
    };
    expect([tls("-tls1_3"), tls("-tls1_2")]).toEqual(["TLSv1.3", "(NONE)"]);
    const plain = Bun.spawnSync(["mosquitto_pub", "-p", String(world.port), "-t", "x", "-m", "x"]);
    expect(plain.exitCode).not.toBe(0);
  });

  test("with a certificate of another authority, whatever it is called", async () => {
    const key = unwrap(readPrivateKey(a.device.keyPem));
    const certificate = unwrap(readCertificate(certifyAuthority(key, "devices", fleet, Date.now())));
    const der = certifyDevice({ certificate, key }, a.device.key.publicKey, Date.now());
    await refused(world.identity(a.name, der, a.device.keyPem));
    await refused(world.identity("itself", certificate.der, a.device.keyPem));
  });

  test("with the certificate of a server, or one that has ended", async () => {
    const { authority, devices } = world.keys;
    const { id, key, keyPem } = newDevice();
    for (const by of [authority, devices])
      await refused(world.identity(id, certifyServer(by, key.publicKey, [], Date.now()), keyPem));
    await refused(world.identity(id, certifyDevice(authority, key.publicKey, Date.now()), keyPem));
    const ended = certifyDevice(devices, key.publicKey, Date.now() - 400 * DAY_MS);
    await refused(world.identity(id, ended, keyPem));
    const good = certifyDevice(devices, key.publicKey, Date.now());
    expect(await publish(world, world.identity(id, good, keyPem), `c/lab/${id}/u/s`)).toBe("done");
  });
});

describe("a revoked device", () => {
  test("cannot connect any more, and others still can", async () => {
    const [first, second] = [await world.join(), await world.join()];
    for (const { name } of [first, second]) {
      const device = name === first.name ? first : second;
      expect(await publish(world, device, `c/lab/${name}/u/s`)).toBe("done");
      unwrap(await world.registry.revoke(name, "test"));
      expect(await publish(world, device, `c/lab/${name}/u/s`)).toMatch(/^exit [1-9]/);
    }
    expect(await publish(world, first, `c/lab/${first.name}/u/s`)).toMatch(/^exit [1-9]/);
    expect(await send(a, "c/lab/A/u/s")).toBe("done");
  });

  test("that is connected still reads and writes nothing", async () => {
    const [reader, writer] = [await world.join(), await world.join()];
    await using read = await subscribe(world, reader, [`c/lab/${reader.name}/n/#`]);
    await using hub = await listen(world.hub, "c/lab/+/u/#");
    const words = ["-h", "127.0.0.1", "-p", String(world.port), "-q", "1", "-i", "x", "-l", "-d", "-V", "mqttv5"];
    const files = ["--cert", writer.files?.certificate ?? "", "--key", writer.files?.key ?? ""];
    const ca = ["--cafile", join(world.folder, "authority/authority.crt")];
    const topic = ["-t", `c/lab/${writer.name}/u/p`];
    await using live = Bun.spawn(["stdbuf", "-oL", "mosquitto_pub", ...words, ...files, ...ca, ...topic], {
      stdin: "pipe",
      stdout: "ignore",
    });
    live.stdin.write("before\n");
    live.stdin.flush();
    await hub.got.until(/before$/);
    world.endsSessions = false; // as when the hub dies in between
    for (const { name } of [reader, writer]) unwrap(await world.registry.revoke(name, "test"));
    world.endsSessions = true;
    live.stdin.write("after\n");
    live.stdin.end();
    await live.exited;
    await send(a, "c/lab/A/u/p", "-m", "end");
    await hub.got.until(/end$/);
    expect(hub.got.all.filter((line) => /before|after|end$/.test(line))).toHaveLength(2);

    await send(world.hub, `c/lab/${reader.name}/n/d`, "-m", "secret");
    await using other = await listen(a, "c/lab/A/n/x");
    await send(world.hub, "c/lab/A/n/x", "-m", "end");
    await other.got.until(/end$/);
    expect(read.got.all).toEqual([]);
  });

  test("that is connected is cut off, and cannot come back", async () => {
    const device = await world.join();
    await using _ = await subscribe(world, device, [`c/lab/${device.name}/n/#`]);
    const from = world.log.all.length;
    unwrap(await world.registry.revoke(device.name, "test"));
    await world.log.until(new RegExp(`Client ${device.name} already connected, closing old connection`), from);
    await world.log.until(/certificate verify failed/, from);
  });

  test("leaves no retained message that anybody gets", async () => {
    const device = await world.join();
    expect(await publish(world, device, `c/lab/${device.name}/u/s`, "-r", "-m", "left behind")).toBe("done");
    unwrap(await world.registry.revoke(device.name, "test"));
    await using hub = await listen(world.hub, "c/lab/+/u/#");
    await send(a, "c/lab/A/u/p", "-m", "end");
    await hub.got.until(/end$/);
    expect(hub.got.all.filter((line) => line.includes("left behind"))).toEqual([]);
  });
});

test.each([
  ["finds what was queued for it", false],
  ["finds nothing once its session was ended", true],
])("a device that was away %s", async (_what, isEnded) => {
  const device = await world.join();
  const topic = `c/lab/${device.name}/n/c`;
  const listenAgain = () => subscribe(world, device, [topic], "-x", "3600", "-c");
  {
    await using _ = await listenAgain();
  }
  expect(await send(world.hub, topic, "-m", "queued")).toBe("done");
  if (isEnded) unwrap(await world.broker.endSession(device.device.id));
  await using again = await listenAgain();
  await send(world.hub, topic, "-m", "end");
  await again.got.until(/end$/);
  expect(again.got.all.map((line) => line.split(" ")[1] ?? "")).toEqual(isEnded ? ["end"] : ["queued", "end"]);
});

describe("a message", () => {
  test("above the limit does not get through, and one below it does", async () => {
    const text = (bytes: number): string => "x".repeat(bytes);
    expect(await send(a, "c/lab/A/u/g", "-m", text(17 << 10))).toBe("done");
    expect(await send(a, "c/lab/A/u/g", "-m", text(21 << 10))).not.toBe("done");
  });
});

describe("the process", () => {
  test("is started again when it ends by itself, later each time", async () => {
    for (const waitMs of [500, 1000]) {
      const before = world.broker.process.pid ?? 0;
      const from = world.log.all.length;
      process.kill(before, "SIGKILL");
      await world.log.until(/^mosquitto version \S+ running$/, from);
      await world.log.until(/^serves/, from);
      expect(world.log.all.slice(from)).toContain(`mosquitto ended: started again in ${waitMs} ms`);
      expect(world.broker.process.pid).not.toBe(before);
      expect(await send(a, "c/lab/A/u/s")).toBe("done");
    }
  });

  test("that was told to write down who listens knows it after it was killed, and what is said meanwhile waits", async () => {
    await using other = await brokerWorld();
    const device = await other.join();
    const topic = `c/lab/${device.name}/u/p`;
    const listenAgain = () => subscribe(other, other.hub, [topic], "-x", "3600", "-c");
    {
      await using _ = await listenAgain();
    }
    expect(other.log.all).toContain("serves, kept 0");
    const [from, started] = [other.log.all.length, Date.now() - 100]; // a file system's clock lags behind
    other.broker.process.save();
    await other.log.until(/^Saving in-memory database/, from);
    expect(await publish(other, device, topic, "-m", "before")).toBe("done"); // its one thread has saved by now
    const saved = Date.now();
    process.kill(other.broker.process.pid ?? 0, "SIGKILL");
    const keptMs = Number((await other.log.until(/^serves/, from)).split(" ").at(-1));
    expect(keptMs).toBeGreaterThan(started);
    expect(keptMs).toBeLessThanOrEqual(saved);
    expect(await publish(other, device, topic, "-m", "after")).toBe("done");
    await using hub = await listenAgain();
    await hub.got.until(/after$/);
  });

  test("that does not hear of a revocation makes that fail, until it is told again", async () => {
    const device = await world.join();
    const pid = world.broker.process.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    const revoked = world.registry.revoke(device.name, "test");
    expect(await revoked.catch((thrown) => String(thrown))).toMatch(/deaf/);
    process.kill(pid, "SIGCONT");
    const again = await world.registry.revoke(device.name, "test");
    expect(again).toMatchObject({ ok: false, error: { kind: "status" } });
    expect(await publish(world, device, `c/lab/${device.name}/u/s`)).toMatch(/^exit [1-9]/);
  });

  test("says why when it cannot start", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "cairn-second-"));
    cpSync(join(world.folder, "authority"), join(elsewhere, "authority"), { recursive: true });
    const second = await world.another(elsewhere);
    expect(second.ok ? "" : explainBroker(second.error)).toMatch(/mosquitto ended at once: .*Address already in use/);
    rmSync(elsewhere, { recursive: true });
    expect(await send(a, "c/lab/A/u/s")).toBe("done");
  });

  test("waits for one in the same folder to end, which writes down what it keeps, and gives up when that does not end", async () => {
    const still = await world.another();
    expect(still.ok ? "" : explainBroker(still.error)).toMatch(/another mosquitto works in this folder/);
    await using other = await brokerWorld();
    const pid = other.broker.process.pid ?? 0;
    process.kill(pid, "SIGSTOP");
    const starting = other.another();
    await Promise.race([starting, Bun.sleep(500)]); // were it not to wait, it would have found its port taken by now
    process.kill(pid, "SIGCONT");
    await other.broker.stop();
    const next = unwrap(await starting);
    await next.stop();
  });

  test("ends with the hub, however that ends", async () => {
    await using other = await brokerWorld();
    await other.broker.stop();
    const ended = await other.broker.endSession(a.device.id);
    expect(ended.ok ? "" : explainBroker(ended.error)).toMatch(
      /its session at the broker did not end \(.*revoke it again/,
    );
    const configuration = "broker/mosquitto.conf";
    const module = join(import.meta.dir, "../../runtime/hub/broker/mosquitto.ts");
    const script = `const { startMosquitto } = await import(${JSON.stringify(module)});
      const started = await startMosquitto({ folder: ${JSON.stringify(other.folder)}, configuration: ${JSON.stringify(configuration)}, tls: "broker/openssl.cnf", lock: "broker/lock", kept: "broker/mosquitto.db", serves() {}, log() {} });
      console.log(started.value.pid);
      setInterval(() => {}, 1000);`;
    await using hub = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const { value } = await hub.stdout.getReader().read();
    const pid = Buffer.from(value ?? [])
      .toString()
      .trim();
    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("mosquitto\n");
    hub.kill("SIGKILL");
    await hub.exited;
    const gone = (): boolean => Bun.spawnSync(["test", "-e", `/proc/${pid}`]).exitCode !== 0;
    for (let tries = 0; tries < 200 && !gone(); tries += 1) await Bun.sleep(50);
    expect(gone()).toBe(true);
  });
});
