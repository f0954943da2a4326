import { existsSync } from "node:fs";
import { type Host, inUrl } from "../certificates/index.ts";
import { type DeviceId, type FleetName, parseFleetName } from "../fleet/terms/index.ts";
import { err, ok, type Result } from "../result.ts";
import { fingerprint, writePem } from "../signatures/index.ts";
import { type Disk, type DiskError, explainDiskError, makeWithParents } from "../store/index.ts";
import { type Api, type HubParts, serveApi } from "./api/index.ts";
import { type Certified, explainKeep, type HubKeys, type KeepFault, openKeys } from "./authority/index.ts";
import { type Broker, type BrokerFault, explainBroker, startBroker, useBroker } from "./broker/index.ts";
import {
  type DatabaseFault,
  explainDatabase,
  type HubDatabase,
  openSqlite,
  type TokenPurpose,
} from "./database/index.ts";
import { type Datagrams, openDatagrams } from "./datagrams/index.ts";
import { openRegistry, openShutOut, type Revocations } from "./registry/index.ts";
import { connectHub, type HubClient } from "./session/index.ts";
import { giveToken } from "./token.ts";
import { type Guard, openWork, type Work } from "./work.ts";

export interface HubOptions {
  /** An absolute path. What is missing in it is made. */
  readonly folder: string;
  /** Null: that of the folder, or `default`. */
  readonly fleet: FleetName | null;
  /** Where it listens. */
  readonly host: Host;
  /** Under which it is reached; the first is what others are told. */
  readonly hosts: readonly [Host, ...Host[]];
  /** 0: any that is free. */
  readonly port: number;
  readonly mqttPort: number;
  /** A broker that somebody else runs, instead of one of the hub's own. */
  readonly broker?: ExternalBroker | null;
  /** As whom the broker runs, when this runs as root. */
  readonly brokerUser: string | null;
  /** The words that start this program: the hub has it make patches. */
  readonly program: readonly string[];
}

/** Where hub and devices reach it. */
export interface ExternalBroker {
  readonly host: Host;
  readonly port: number;
  /** PEM: who certifies its server; null: the hub's authority. */
  readonly certifiedBy: string | null;
  /** As whom the hub comes; null: with a certificate of its own authority. */
  readonly client: Certified | null;
}

export interface HubPorts {
  readonly disk: Disk;
  /** Milliseconds since 1970. */
  now(): number;
  /** A line of the log. */
  log(line: string): void;
}

export interface Hub {
  readonly fleet: FleetName;
  readonly url: string;
  readonly mqttUrl: string;
  /** SHA-256 of the authority's public key, in hex: who knows it knows the hub. */
  readonly fingerprint: string;
  /** Tokens that were made just now; nobody can read them anywhere later. Null: there were some already. */
  readonly tokens: { readonly operator: string; readonly join: string } | null;
  /** Makes certificates again that end within 60 days, as it does by itself once a day; connections of the broker live on. */
  renew(): Promise<void>;
  /** Removes objects and patches that nothing needs any more, as it does by itself once a day. */
  collect(): Promise<void>;
  stop(): Promise<void>;
}

export type HubFault =
  | { readonly kind: "noHub"; readonly folder: string }
  | { readonly kind: "folder"; readonly error: DiskError }
  | { readonly kind: "database"; readonly fault: DatabaseFault }
  | { readonly kind: "keys"; readonly fault: KeepFault }
  | { readonly kind: "broker"; readonly fault: BrokerFault }
  | { readonly kind: "fleet"; readonly found: string; readonly wanted: FleetName }
  | { readonly kind: "listen"; readonly host: string; readonly port: number; readonly why: string };

const databasePath = (folder: string): string => `${folder}/hub.db`;
const DAY_MS = 86_400_000;
const FLEET = "fleet";
const DEFAULT_FLEET = "default";

/** Starts a hub in its folder, or makes one in an empty folder. It runs until it is stopped. */
export async function serveHub(options: HubOptions, ports: HubPorts): Promise<Result<Hub, HubFault>> {
  const made = await makeWithParents(ports.disk, "make the hub's folder", options.folder);
  if (!made.ok) return err({ kind: "folder", error: made.error });
  const opened = openSqlite(databasePath(options.folder));
  if (!opened.ok) return err({ kind: "database", fault: opened.error });
  const database = opened.value;
  const started = await startOn(database, options, ports);
  if (!started.ok) await database.close();
  return started;
}

async function startOn(database: HubDatabase, options: HubOptions, ports: HubPorts): Promise<Result<Hub, HubFault>> {
  const fleet = await fleetOf(database, options.fleet);
  if (!fleet.ok) return fleet;
  const folder = `${options.folder}/authority`;
  const { hosts, broker: external = null } = options;
  const certified = external?.certifiedBy === null ? external.host : null;
  const known = (await database.listDevices()).length > 0;
  const open = () =>
    openKeys(ports.disk, { folder, fleet: fleet.value, hosts, broker: certified, nowMs: ports.now(), known });
  const keys = await open();
  if (!keys.ok) return err({ kind: "keys", fault: keys.error });
  const { authority, hub } = keys.value;

  const work = await openWork(
    {
      folder: options.folder,
      fleet: fleet.value,
      database,
      order: keys.value.order,
      program: options.program,
    },
    ports,
  );
  if (!work.ok) return err({ kind: "folder", error: work.error });
  const { collect } = work.value;
  const started = await startWithRegistry(database, keys.value, fleet.value, work.value, options, ports);
  if (!started.ok) return err({ kind: "broker", fault: started.error });
  const { broker, registry } = started.value;
  const listen = (fresh: HubKeys, port: number) =>
    startApi(
      { ...work.value, registry, database, now: ports.now },
      fresh,
      fleet.value,
      database,
      { ...options, port },
      ports,
    );
  const client = { ...hub, authority: writePem("CERTIFICATE", authority.certificate.der) };
  const connect =
    external === null
      ? connectOwn(fleet.value, options, client, broker)
      : connectElsewhere(fleet.value, external, client, () => work.value.brokerForgot(0));
  // Before anybody can join: what a device says to a broker on which nobody listens is lost.
  await work.value.talk(connect, started.value);
  const first = listen(keys.value, options.port);
  if (!first.ok) {
    work.value.stop();
    await broker.stop();
    return first;
  }
  let [api, served] = [first.value, keys.value.server.certificate];
  const datagrams = await listenForDatagrams({ ...options, port: api.port }, work.value, database, ports);

  async function renew(): Promise<void> {
    const fresh = await open();
    if (!fresh.ok) return ports.log(explainKeep(fresh.error));
    const { certificate } = fresh.value.server;
    if (certificate === served) return;
    if (fresh.value.broker !== null) ports.log("install the certificate of the broker again, if it was renewed");
    await broker.process.reload();
    await api.stop(); // a listener takes no other certificate
    const again = listen(fresh.value, api.port);
    if (!again.ok) return ports.log(explainHub(again.error)); // and again tomorrow
    [api, served] = [again.value, certificate];
    ports.log("the certificate of the server was renewed");
  }
  const everyDay = (): void => {
    for (const act of [renew, collect]) void act().catch((thrown) => ports.log(String(thrown)));
  };
  const daily = setInterval(everyDay, DAY_MS);

  const [host] = hosts;
  const mqtt = external ?? { host, port: options.mqttPort };
  return ok({
    fleet: fleet.value,
    url: `https://${inUrl(host)}:${api.port}`,
    mqttUrl: `mqtts://${inUrl(mqtt.host)}:${mqtt.port}`,
    fingerprint: fingerprint(authority.key.publicKey),
    tokens: await firstTokens(database, ports.now()),
    renew,
    collect,
    async stop() {
      clearInterval(daily);
      work.value.stop();
      datagrams?.stop();
      await api.stop();
      await broker.stop();
      await database.close();
    },
  });
}

/** At the port of the API. Null: it cannot, and devices on thin links have everything in blocks. */
async function listenForDatagrams(
  { host, port }: Pick<HubOptions, "host" | "port">,
  { parcels }: Pick<HubParts, "parcels">,
  database: HubDatabase,
  { disk, now, log }: HubPorts,
): Promise<Datagrams | null> {
  try {
    return await openDatagrams({ host, port, disk, database, parcels, now, log });
  } catch (thrown) {
    log(`listen for datagrams on ${host.text} port ${port}: ${String(thrown)}: devices on thin links need more bytes`);
    return null;
  }
}

/**
 * The hub as a client of its own broker, which writes down who listens as soon as it has learnt that: what a device says to one that was
 * killed, came back, and has not seen the hub yet would be lost.
 */
function connectOwn(
  fleet: FleetName,
  { host, mqttPort, hosts }: HubOptions,
  client: HubClient,
  { process }: Broker,
): ReturnType<typeof connectHub> {
  const connect = connectHub(fleet, { host, port: mqttPort, name: hosts[0] }, client);
  return (ports) => {
    let isNew = false;
    return connect({
      ...ports,
      forgotten: () => {
        isNew = true;
      },
      online() {
        if (isNew) process.save();
        ports.online();
      },
    });
  };
}

/** The hub as a client of a broker that may forget whatever it likes. */
function connectElsewhere(
  fleet: FleetName,
  { host, port, certifiedBy, client }: ExternalBroker,
  own: HubClient,
  forgot: () => void,
): ReturnType<typeof connectHub> {
  const foreign = certifiedBy === null ? {} : { authority: certifiedBy, foreign: true };
  const connect = connectHub(fleet, { host, port, name: host }, { ...own, ...client, ...foreign });
  return (ports) => connect({ ...ports, forgotten: forgot });
}

/** Null: there are some already. */
async function firstTokens(database: HubDatabase, atMs: number): Promise<Hub["tokens"]> {
  const by = { who: "hub", atMs };
  if ((await database.listTokens("operator")).length > 0) return null;
  const join = await giveToken(database, "join", "join", by);
  return { operator: await giveToken(database, "operator", "operator", by), join };
}

/** The first start decides how the fleet is called: its topics have the name. */
async function fleetOf(database: HubDatabase, wanted: FleetName | null): Promise<Result<FleetName, HubFault>> {
  const found = await database.setting(FLEET);
  const named = found === null ? null : parseFleetName(found);
  if (named !== null) {
    return wanted === null || wanted === named ? ok(named) : err({ kind: "fleet", found: named, wanted });
  }
  const name = wanted ?? (DEFAULT_FLEET as FleetName);
  await database.setSetting(FLEET, name);
  return ok(name);
}

/** The broker starts with what the registry says of revocations, and hears of each that comes. */
async function startWithRegistry(
  database: HubDatabase,
  { authority, devices }: HubKeys,
  fleet: FleetName,
  { releases, publisher, brokerForgot }: Work,
  { folder, host, mqttPort, brokerUser, broker: external = null }: HubOptions,
  { disk, now, log }: HubPorts,
): Promise<Result<Guarded, BrokerFault>> {
  let broker: Broker | null = null;
  let atStart: Revocations | null = null;
  const endSession = async (id: DeviceId): Promise<void> => {
    const ended = await broker?.endSession(id);
    if (ended?.ok === false) throw new Error(explainBroker(ended.error));
  };
  const registry = openRegistry({
    database,
    authority: devices,
    now,
    async publishRevoked(revoked) {
      atStart = revoked;
      const told = await broker?.publishRevoked(revoked);
      if (told?.ok === false) throw new Error(explainBroker(told.error)); // the operator must not take it for done
    },
    endSession,
    changed: (id) => releases.settle(id),
    clear: () => publisher.run(),
  });
  await registry.publishRevoked();
  const revoked = atStart ?? { list: new Uint8Array(), devices: [] };
  const common = { folder, fleet, authority, devices, now, log: (line: string) => log(`broker: ${line}`) };
  const started =
    external === null
      ? await startBroker(disk, { ...common, host, port: mqttPort, user: brokerUser, serves: brokerForgot }, revoked)
      : await useBroker(disk, { ...common, ...external }, revoked);
  if (!started.ok) return started;
  broker = started.value;
  const heeds = openShutOut({ database, endSession, clear: publisher.clear, now, log });
  return ok({ broker: started.value, registry, heeds, endSession });
}

/** With the broker that keeps the others out. */
interface Guarded extends Guard {
  readonly broker: Broker;
}

function startApi(
  parts: Omit<HubParts, "fleet">,
  { authority, server, order }: HubKeys,
  name: FleetName,
  database: HubDatabase,
  { host, hosts, port, mqttPort, broker = null }: HubOptions,
  { log }: HubPorts,
): Result<Api, HubFault> {
  const foreign = broker === null || broker.certifiedBy === null ? {} : { authority: broker.certifiedBy };
  const newest = order.at(-1) ?? order[0];
  const fleet = {
    name,
    mqtt: { host: (broker?.host ?? hosts[0]).text, port: broker?.port ?? mqttPort, ...foreign },
    authority: writePem("CERTIFICATE", authority.certificate.der),
    order: { epoch: newest.epoch, key: Buffer.from(newest.publicKey).toString("base64") },
  };
  try {
    return ok(serveApi({ host: host.text, port, ...server, parts: { ...parts, fleet }, database, log }));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return err({ kind: "listen", host: host.text, port, why });
  }
}

/** Makes another token of a hub that is stopped. */
export const addHubToken = (folder: string, purpose: TokenPurpose, holder: string, atMs: number) =>
  withDatabase(folder, (database) => giveToken(database, purpose, holder, { who: "hub", atMs }));

/** Takes back the tokens of a holder from a hub that is stopped; the value is how many those were. */
export const removeHubTokens = (folder: string, purpose: TokenPurpose, holder: string, atMs: number) =>
  withDatabase(folder, (database) => database.removeTokens(purpose, holder, { who: "hub", atMs }));

/** Of a hub that is stopped. */
export async function withDatabase<T>(
  folder: string,
  act: (database: HubDatabase) => Promise<T>,
): Promise<Result<T, HubFault>> {
  const path = databasePath(folder);
  if (!existsSync(path)) return err({ kind: "noHub", folder });
  const opened = openSqlite(path);
  if (!opened.ok) return err({ kind: "database", fault: opened.error });
  try {
    return ok(await act(opened.value));
  } finally {
    await opened.value.close();
  }
}

export function explainHub(fault: HubFault): string {
  switch (fault.kind) {
    case "noHub":
      return `${fault.folder} is no folder of a hub: "cairn hub serve" makes one`;
    case "folder":
      return explainDiskError(fault.error);
    case "database":
      return explainDatabase(fault.fault);
    case "keys":
      return explainKeep(fault.fault);
    case "broker":
      return explainBroker(fault.fault);
    case "fleet":
      return `this is the hub of fleet "${fault.found}", and not of "${fault.wanted}": one folder has one fleet`;
    case "listen":
      return `listen on ${fault.host} port ${fault.port}: ${fault.why}`;
  }
}
