/** A broker of the hub's on a port of its own, and clients of it: those of Mosquitto, as strangers would use them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHost } from "../../runtime/certificates/index.ts";
import { authorityFiles, certifyDevice, type HubKeys } from "../../runtime/hub/authority/index.ts";
import { type Broker, type BrokerFault, startBroker } from "../../runtime/hub/broker/index.ts";
import { openSqlite } from "../../runtime/hub/database/index.ts";
import { openRegistry, type Registry } from "../../runtime/hub/registry/index.ts";
import type { Result } from "../../runtime/result.ts";
import { writePem } from "../../runtime/signatures/index.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { freePort } from "../free-port.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { fleet, keysIn, newDevice, type TestDevice } from "./fixtures.ts";

/** Who connects: files of a certificate and its key; null: with none. */
export interface Identity {
  readonly name: string;
  readonly files: { readonly certificate: string; readonly key: string } | null;
}

export interface Member extends Identity {
  readonly device: TestDevice;
}

/** Lines that somebody says, one after the other. */
export class Lines {
  readonly all: string[] = [];
  private readonly waiting = new Set<() => void>();

  add(line: string): void {
    this.all.push(line);
    for (const look of this.waiting) look();
  }

  /** Resolves when a line fits, from the `from`th on; rejects with all that was said when none comes. */
  async until(pattern: RegExp, from = 0): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = (): void => {
      const found = this.all.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) resolve(found);
    };
    this.waiting.add(look);
    const late = setTimeout(() => reject(new Error(`no ${pattern} in:\n${this.all.join("\n")}`)), 30_000);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.waiting.delete(look);
    }
  }

  async follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const chunk of stream) {
      const parts = (rest + Buffer.from(chunk).toString()).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) this.add(part);
    }
    if (rest !== "") this.add(rest);
  }
}

export interface BrokerWorld extends AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly keys: HubKeys;
  readonly registry: Registry;
  readonly broker: Broker;
  /** What Mosquitto says. */
  readonly log: Lines;
  readonly hub: Identity;
  /** A new device with a certificate of the fleet. */
  join(): Promise<Member>;
  /** Files for a certificate in DER. */
  identity(name: string, certificate: Uint8Array, keyPem: string): Identity;
  /** False: a revocation leaves the session open, to see what it is still allowed. */
  endsSessions: boolean;
  /** Starts another one on the same port, in the same folder or elsewhere. */
  another(folder?: string): Promise<Result<Broker, BrokerFault>>;
}

export async function brokerWorld(): Promise<BrokerWorld> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-broker-"));
  const at = (name: string): string => join(folder, name);
  const keys = await keysIn(at("authority"), Date.now());
  const database = unwrap(openSqlite(at("hub.db")));
  const log = new Lines();
  const port = await freePort();
  const host = unwrap(parseHost("127.0.0.1"));
  let broker: Broker | null = null;
  let first: Parameters<Broker["publishRevoked"]>[0] | null = null;
  const registry = openRegistry({
    database,
    authority: keys.devices,
    now: Date.now,
    publishRevoked: async (revoked) => {
      first ??= revoked;
      if (broker !== null) unwrap(await broker.publishRevoked(revoked));
    },
    endSession: async (id) => {
      if (broker !== null && world.ends) unwrap(await broker.endSession(id));
    },
    changed: async () => {},
    clear: async () => {},
  });
  await registry.publishRevoked();
  const another = (where = folder) => {
    if (first === null) throw new Error("a first list");
    const options = {
      folder: where,
      fleet,
      host,
      port,
      user: process.getuid?.() === 0 ? "root" : null,
      authority: keys.authority,
      devices: keys.devices,
      now: Date.now,
    };
    return startBroker(
      realDisk,
      { ...options, serves: (keptMs) => log.add(`serves, kept ${keptMs}`), log: (line) => log.add(line) },
      first,
    );
  };
  broker = unwrap(await another());
  const started = broker;

  const world = { ends: true };
  let count = 0;
  const identity = (name: string, certificate: Uint8Array, keyPem: string): Identity => {
    count += 1;
    const files = { certificate: at(`${count}.crt`), key: at(`${count}.key`) };
    writeFileSync(files.certificate, writePem("CERTIFICATE", certificate));
    writeFileSync(files.key, keyPem, { mode: 0o600 });
    return { name, files };
  };
  return {
    folder,
    port,
    keys,
    registry,
    broker: started,
    log,
    hub: {
      name: "hub",
      files: { certificate: at(`authority/${authorityFiles.hub}`), key: at(`authority/${authorityFiles.hubKey}`) },
    },
    set endsSessions(ends: boolean) {
      world.ends = ends;
    },
    identity,
    another,
    async join() {
      const device = newDevice();
      const waiting = unwrap(await registry.enrol(device.request, null));
      unwrap(await registry.accept(waiting.id, "test"));
      const enrolled = unwrap(await registry.enrol(device.request, null));
      const der =
        enrolled.kind === "certified"
          ? enrolled.certificate
          : certifyDevice(keys.devices, device.key.publicKey, Date.now());
      return { ...identity(device.id, der, device.keyPem), device };
    },
    async [Symbol.asyncDispose]() {
      await started.stop();
      await database.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function words({ folder, port }: BrokerWorld, { name, files }: Identity, more: readonly string[]): readonly string[] {
  const own = files === null ? [] : ["--cert", files.certificate, "--key", files.key];
  const ca = ["--cafile", join(folder, "authority", authorityFiles.authority)];
  const id = more.includes("-i") ? [] : ["-i", name];
  return ["-h", "127.0.0.1", "-p", String(port), "-V", "mqttv5", "-q", "1", "-d", ...ca, ...own, ...id, ...more];
}

/** Publishes one message; what the broker answers: `done`, `denied`, or why there was no answer. */
export async function publish(world: BrokerWorld, by: Identity, topic: string, ...more: string[]): Promise<string> {
  const payload = more.some((word) => word === "-m" || word === "-n") ? [] : ["-m", "hello"];
  const command = ["mosquitto_pub", ...words(world, by, ["-t", topic, ...payload, ...more])];
  await using child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [said, complained] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const exit = await child.exited;
  const code = /received PUBACK \(Mid: 1, RC:(\d+)\)/.exec(said)?.[1];
  if (code === "0" || code === "16") return "done"; // 16: nobody subscribed
  if (code === "135") return "denied";
  return `exit ${exit}: ${complained.trim() || said.trim()}`;
}

export interface Subscriber extends AsyncDisposable {
  /** Topic and payload of what came. */
  readonly got: Lines;
  readonly said: Lines;
  readonly child: Bun.Subprocess;
}

/** Subscribes and waits until that is acknowledged. */
export async function subscribe(
  world: BrokerWorld,
  by: Identity,
  filters: readonly string[],
  ...more: string[]
): Promise<Subscriber> {
  const topics = filters.flatMap((filter) => ["-t", filter]);
  const command = ["stdbuf", "-oL", "mosquitto_sub", ...words(world, by, [...topics, "-F", "got %t %p", ...more])];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [said, got] = [new Lines(), new Lines()];
  const add = said.add.bind(said);
  said.add = (line) => {
    add(line);
    if (line.startsWith("got ")) got.add(line.slice(4));
  };
  const told = said.follow(child.stdout);
  const errors = said.follow(child.stderr);
  const subscriber: Subscriber = {
    got,
    said,
    child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.exited, told, errors]);
    },
  };
  await said.until(/^Subscribed \(mid: 1\)/);
  return subscriber;
}
