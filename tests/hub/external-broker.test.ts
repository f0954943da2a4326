/** A hub at a broker that somebody else runs: a Mosquitto that the test configures and starts. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newPrivateKey, parseHost, readPrivateKey } from "../../runtime/certificates/index.ts";
import { openSession } from "../../runtime/fleet/session/index.ts";
import type { DeviceId } from "../../runtime/fleet/terms/index.ts";
import { certifyServer, certifyTakeOver } from "../../runtime/hub/authority/index.ts";
import { type Certificate, type PublicKey, readCertificates, writePem } from "../../runtime/signatures/index.ts";
import { newAuthority } from "../fleet/authority.ts";
import { oldBroker } from "../fleet/old-broker.ts";
import { freePort } from "../free-port.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { emptyFolder, removeFolders } from "../store/world.ts";
import { type HubWorld, hubWorld } from "./hub-world.ts";
import { Lines } from "./mqtt.ts";
import { wiredDevice } from "./wired-device.ts";

setDefaultTimeout(120_000);

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
});

const INSTALLED = [
  "broker/mosquitto.conf",
  "broker/openssl.cnf",
  "broker/acl",
  "broker/revoked.crl",
  "authority/devices.crt",
];

/** What its operator does: copies the files that the hub names, changes what is to be changed, and starts it. */
async function operatedBroker(hubFolder: string, files: readonly string[], change: (conf: string) => string) {
  const folder = emptyFolder();
  const install = (names: readonly string[]): void => {
    for (const name of names) cpSync(join(hubFolder, name), join(folder, name));
  };
  for (const name of ["broker", "authority"]) mkdirSync(join(folder, name));
  install(files);
  const conf = join(folder, "broker/mosquitto.conf");
  writeFileSync(conf, change(readFileSync(conf, "utf8")));
  const log = new Lines();
  const command = ["mosquitto", "-c", "broker/mosquitto.conf"];
  const env = { ...process.env, OPENSSL_CONF: "broker/openssl.cnf" };
  const child = Bun.spawn(command, { cwd: folder, env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = log.follow(child.stderr);
  closing.push(async () => {
    child.kill("SIGKILL");
    await child.exited;
    await said;
  });
  await log.until(/mosquitto version \S+ running/);
  return {
    folder,
    log,
    async install(names: readonly string[]) {
      const from = log.all.length;
      install(names);
      child.kill("SIGHUP");
      await log.until(/Reloading config/, from);
    },
  };
}

const host = unwrap(parseHost("127.0.0.1"));
const asRoot = (conf: string): string => `${conf}user root\n`;
const enrolled = async (world: HubWorld, device: { request: Uint8Array }) =>
  (await world.ask("POST", "/enrol", { token: "join", body: device.request })).body as { mqtt: unknown };

/** A hub that was started before its broker, whose operator installs what the hub has written. */
async function world({ certifiedBy = null as string | null, change = asRoot, files = [] as readonly string[] } = {}) {
  const port = await freePort();
  const hub = await hubWorld({ mqttPort: port, broker: { host, port, certifiedBy, client: null } });
  closing.push(async () => hub[Symbol.asyncDispose]());
  const broker = await operatedBroker(hub.folder, [...INSTALLED, ...files], change);
  await broker.log.until(/New client connected from \S+ as hub /);
  return { hub, broker, port };
}

const OWN = ["authority/broker.crt", "authority/broker.key"];

test("devices are told of it, report over it and are ordered over it", async () => {
  const { hub, port } = await world({ files: OWN });
  expect(hub.hub.mqttUrl).toBe(`mqtts://127.0.0.1:${port}`);
  await using device = await wiredDevice(hub);
  expect((await enrolled(hub, device.device)).mqtt).toEqual({ host: "127.0.0.1", port });
  await device.state({ sequence: 0, running: "7", digest: "ab".repeat(32) });
  const shown = async () =>
    (await hub.ask("GET", `/devices/${device.id}`, { token: "operator" })).body as { report: unknown };
  while ((await shown()).report === null) await Bun.sleep(20);
  const body = JSON.stringify({ set: { a: "1" } });
  await hub.ask("PATCH", `/devices/${device.id}/meta`, { token: "operator", body });
  await device.until(({ leaf }) => (leaf === "n/u" ? true : null));
});

test("a device that is revoked is ended, not heard when it comes back, and shut out when the operator has installed the list", async () => {
  const { hub, broker } = await world({ files: OWN });
  const device = await wiredDevice(hub);
  const before = broker.log.all.length;
  await hub.ask("POST", `/devices/${device.id}/revoke`, { token: "operator" });
  await broker.log.until(new RegExp(`Client ${device.id} .*already connected|session taken over`), before);
  await hub.log.until(/install broker\/revoked\.crl and broker\/acl/);
  await device[Symbol.asyncDispose]();

  // It has its certificate still, and the broker does not know.
  await using again = await returning(hub, device);
  await again.online;
  await again.session.publish({
    topic: `c/lab/${device.id}/u/l`,
    bytes: Uint8Array.of(2),
    qos: 1,
    retain: true,
    expiryS: null,
  });
  await hub.log.until(new RegExp(`device ${device.id} was revoked, and the broker let it in`));
  await again.closed;
  const { body } = await hub.ask("GET", `/devices/${device.id}`, { token: "operator" });
  expect(body).toMatchObject({ status: "revoked", report: null });

  await broker.install(["broker/acl", "broker/revoked.crl"]);
  await using third = await returning(hub, device);
  expect(await Promise.race([third.online.then(() => "in"), third.closed.then(() => "out")])).toBe("out");
});

/** The device once more, with what it has. */
async function returning(hub: HubWorld, { id, device, certificate }: Awaited<ReturnType<typeof wiredDevice>>) {
  const [online, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const session = openSession(
    {
      host: "127.0.0.1",
      port: hub.mqttPort,
      authority: hub.authority,
      certificate,
      key: device.keyPem,
      id,
      protocol: 5,
      keepaliveS: 60,
      expiryS: 60,
      packetBytesMax: 20_000,
      receiveMax: 4,
      will: null,
      topics: `c/lab/${id}/n/#`,
      ticket: null,
    },
    { online: () => online.resolve(), message: async () => {}, ticket: () => {}, closed: () => closed.resolve() },
  );
  return {
    session,
    online: online.promise,
    closed: closed.promise,
    async [Symbol.asyncDispose]() {
      session.drop();
      await closed.promise;
    },
  };
}

describe("with a certificate of another authority", () => {
  test("devices are told whom to believe", async () => {
    const other = newAuthority();
    const { certificate, key } = other.server("127.0.0.1");
    const own = emptyFolder();
    writeFileSync(join(own, "crt"), certificate);
    writeFileSync(join(own, "key"), key);
    const change = (conf: string): string =>
      asRoot(conf).replace("authority/broker.crt", join(own, "crt")).replace("authority/broker.key", join(own, "key"));
    const { hub, port } = await world({ certifiedBy: other.servers, change });
    await using device = await wiredDevice(hub, [], { authority: other.servers });
    expect((await enrolled(hub, device.device)).mqtt).toEqual({ host: "127.0.0.1", port, authority: other.servers });
    await device.state({ sequence: 0, running: "7", digest: "ab".repeat(32) });
  });
});

/** The hub's authorities, as an old broker needs them. */
function authorityOf({ folder, authority }: HubWorld) {
  const at = (name: string): string => readFileSync(join(folder, "authority", name), "utf8");
  const issuer = (name: string) => ({
    certificate: unwrap(readCertificates(at(`${name}.crt`)))[0] as Certificate,
    key: unwrap(readPrivateKey(at(`${name}.key`))),
  });
  const own = (issue: (key: PublicKey) => Uint8Array) => {
    const key = newPrivateKey("p256");
    return { key, certificate: writePem("CERTIFICATE", issue(unwrap(readPrivateKey(key)).publicKey)) };
  };
  return {
    servers: authority,
    devices: at("devices.crt"),
    server: (...hosts: readonly string[]) =>
      own((key) =>
        certifyServer(
          issuer("authority"),
          key,
          hosts.map((name) => unwrap(parseHost(name))),
          Date.now(),
        ),
      ),
    client: (name: string) => own((key) => certifyTakeOver(issuer("devices"), key, name as DeviceId, Date.now())),
  };
}

test("one that knows nothing newer than MQTT 3.1.1 will do for the hub and its devices", async () => {
  const { host: local, port } = { host: unwrap(parseHost("localhost")), port: await freePort() };
  const hub = await hubWorld({ mqttPort: port, broker: { host: local, port, certifiedBy: null, client: null } });
  closing.push(async () => hub[Symbol.asyncDispose]());
  const behind = await freePort();
  const change = (conf: string): string => asRoot(conf).replace(`listener ${port}`, `listener ${behind}`);
  await operatedBroker(hub.folder, [...INSTALLED, ...OWN], change);
  const old = await oldBroker(authorityOf(hub), { port: behind }, "of 3.1.1", port);
  closing.push(old.stop);
  await using device = await wiredDevice(hub, [], { protocol: 4 });
  await device.state({ sequence: 0, running: "7", digest: "ab".repeat(32) });
  const shown = async () =>
    (await hub.ask("GET", `/devices/${device.id}`, { token: "operator" })).body as { report: unknown };
  while ((await shown()).report === null) await Bun.sleep(20);
  await hub.ask("POST", `/devices/${device.id}/commands`, {
    token: "operator",
    body: JSON.stringify({ operation: "gc" }),
  });
  await device.command(({ operation }) => operation === "gc");
  expect(old.asked.filter((version) => version === 4)).toHaveLength(2);
});
