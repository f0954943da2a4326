/** A device's link at work: a real broker, and a hub and a runtime that do what the test says. */
import { X509Certificate } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { readRequest } from "../../../runtime/certificates/index.ts";
import { runAgent } from "../../../runtime/fleet/agent/index.ts";
import { writtenLine } from "../../../runtime/fleet/pipe/index.ts";
import { openSession, type Session } from "../../../runtime/fleet/session/index.ts";
import * as wire from "../../../runtime/fleet/wire/index.ts";
import type { Digest } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, must, removeFolders, sha256 } from "../../store/world.ts";
import { newAuthority } from "../authority.ts";
import { type Broker, startBroker } from "../broker.ts";
import { oldBroker } from "../old-broker.ts";
import { toyPatch, toyPatchOf } from "../parcels/toy-patch.ts";

const closing: (() => Promise<unknown> | void)[] = [];

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
  removeFolders();
}

/** What comes of each kind, in order, for who waits for it. */
class Heard {
  private readonly all: { readonly kind: string; readonly value: unknown }[] = [];
  private wake = (): void => {};

  add(kind: string, value: unknown): void {
    this.all.push({ kind, value });
    this.wake();
  }
  count(kind: string): number {
    return this.all.filter((one) => one.kind === kind).length;
  }
  async next(kind: string): Promise<unknown> {
    for (;;) {
      const found = this.all.findIndex((one) => one.kind === kind);
      if (found >= 0) return this.all.splice(found, 1)[0]?.value;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

export const EPOCH = 3;
const secret = new Uint8Array(32).fill(9);
/** Of a later epoch. */
const secretOf = (epoch: number): Uint8Array => (epoch === EPOCH ? secret : new Uint8Array(32).fill(epoch));

/**
 * A hub as a device sees it, that accepts every device which asks often enough, and has the objects that it is given. `old`: devices meet a
 * broker that knows nothing newer than MQTT 3.1.1.
 */
export async function hub({ asksNeeded = 1, old = false } = {}) {
  const authority = newAuthority();
  const broker: Broker = await startBroker(authority);
  closing.push(() => broker.stop());
  const met = old ? await oldBroker(authority, broker) : null;
  closing.push(() => met?.stop());
  let asked = 0;
  const { certificate, key } = authority.server("localhost");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: certificate, key },
    async fetch(request) {
      asked += 1;
      const { commonName, key: publicKey } = must(readRequest(new Uint8Array(await request.arrayBuffer())));
      if (asked < asksNeeded)
        return Response.json({ id: commonName, status: "waiting", code: "k7q2mz" }, { status: 202 });
      return Response.json({
        id: commonName,
        status: "accepted",
        fleet: "lab",
        certificate: authority.certify(commonName, publicKey),
        mqtt: { host: "localhost", port: met?.port ?? broker.port },
        order: { epoch: EPOCH, key: Buffer.from(ed25519.getPublicKey(secret)).toString("base64") },
      });
    },
  });
  closing.push(() => server.stop(true));
  const own = authority.client("hub");
  const heard = new Heard();
  const objects = new Map<Digest, Uint8Array>();
  const online = Promise.withResolvers<void>();
  let bad = false;

  /** The blocks of the patch from the first candidate that is known here. */
  async function answer(device: wire.Topic["device"], request: wire.BlockRequest): Promise<void> {
    const target = objects.get(request.object);
    const base = request.candidates.findIndex((candidate) => objects.has(candidate));
    const from = objects.get(request.candidates[base] ?? ("" as Digest)) ?? null;
    const patch = target === undefined ? null : toyPatchOf(from, target);
    if (bad && patch !== null && from !== null) patch[0] = (patch[0] ?? 0) + 1;
    const { transfer, blockBytes } = request;
    for (const { from: first, count } of request.missing) {
      for (let index = first; index < first + count; index += 1) {
        const bytes = patch?.slice(index * blockBytes, (index + 1) * blockBytes) ?? new Uint8Array();
        if (index > 0 && bytes.length === 0) continue;
        const parcel =
          index === 0 && patch !== null && target !== undefined
            ? {
                digest: sha256(patch),
                bytes: patch.length,
                objectBytes: target.length,
                base: base < 0 ? null : base,
                key: null,
              }
            : null;
        await publish(
          { fleet: "lab" as never, device, leaf: "n/o" },
          wire.encodeBlock({ transfer, index, bytes, parcel }),
        );
      }
    }
  }

  const session: Session = openSession(
    {
      host: "localhost",
      port: broker.port,
      authority: authority.servers,
      ...own,
      id: "hub",
      protocol: 5,
      keepaliveS: 60,
      expiryS: 60,
      packetBytesMax: 20_000,
      receiveMax: 10,
      will: { topic: "none", bytes: new Uint8Array(), delayS: 0 },
      topics: "c/lab/+/u/#",
      ticket: null,
    },
    {
      online: online.resolve,
      async message(topic, bytes) {
        const at = must(wire.parseTopic(topic));
        if (at.leaf === "u/s") heard.add("state", must(wire.decodeDeviceState(bytes)));
        if (at.leaf === "u/p") heard.add("progress", must(wire.decodeProgress(bytes)));
        if (at.leaf === "u/r") heard.add("result", must(wire.decodeCommandResult(bytes)));
        if (at.leaf === "u/g") heard.add("logs", must(wire.decodeLogs(bytes)));
        if (at.leaf === "u/k") heard.add("renewal", must(wire.decodeRenewalRequest(bytes)));
        if (at.leaf !== "u/q") return;
        const request = must(wire.decodeBlockRequest(bytes));
        heard.add("request", request);
        void answer(at.device, request);
      },
      ticket: () => {},
      closed: () => {},
    },
  );
  closing.push(() => session.drop());
  const publish = (to: wire.Topic, bytes: Uint8Array): Promise<boolean> => {
    const { qos, retained } = wire.leaves[to.leaf];
    return session.publish({
      topic: wire.topic(to.fleet, to.device, to.leaf),
      bytes,
      qos,
      retain: retained,
      expiryS: null,
    });
  };
  await online.promise;
  return {
    authority,
    broker,
    port: server.port ?? 0,
    asked: () => asked,
    /** The versions of MQTT in which an old broker was asked. */
    versions: () => met?.asked ?? [],
    objects,
    /** From now on patches are wrong. */
    spoil() {
      bad = true;
    },
    /** Requests for blocks that nobody has looked at. */
    requests: () => heard.count("request"),
    /** The next report. */
    state: () => heard.next("state") as Promise<wire.DeviceState>,
    progress: () => heard.next("progress") as Promise<wire.Progress>,
    request: () => heard.next("request") as Promise<wire.BlockRequest>,
    result: () => heard.next("result") as Promise<wire.CommandResult>,
    logs: () => heard.next("logs") as Promise<wire.Logs>,
    order(device: unknown, command: wire.Command, epoch = EPOCH): Promise<boolean> {
      const to = { fleet: "lab" as never, device: device as wire.Topic["device"], leaf: "n/c" } as const;
      const sign = (message: Uint8Array): Uint8Array => ed25519.sign(message, secretOf(epoch));
      return publish(to, wire.sealSigned(to, wire.encodeCommand(command), epoch, sign));
    },
    /** Tells of the key after that of `epoch`. */
    handOver(device: unknown, epoch = EPOCH): Promise<boolean> {
      const to = { fleet: "lab" as never, device: device as wire.Topic["device"], leaf: "n/t" } as const;
      const time = Math.floor(Date.now() / 1000);
      const beacon = wire.encodeBeacon({ time, epoch, nextKey: ed25519.getPublicKey(secretOf(epoch + 1)) });
      return publish(
        to,
        wire.sealSigned(to, beacon, epoch, (message) => ed25519.sign(message, secretOf(epoch))),
      );
    },
    /** Has the state, and wants it. */
    async want(device: unknown, state: string, more: Partial<wire.Desired> = {}): Promise<Digest> {
      const bytes = new TextEncoder().encode(state);
      const stateDigest = sha256(bytes);
      objects.set(stateDigest, bytes);
      const to = { fleet: "lab" as never, device: device as wire.Topic["device"], leaf: "n/d" } as const;
      const desired = wire.encodeDesired({
        sequence: 1,
        rev: 8,
        stateDigest,
        stateBytes: bytes.length,
        notBefore: null,
        expiry: null,
        policy: { security: false, https: false, whole: false },
        ...more,
      });
      await publish(
        to,
        wire.sealSigned(to, desired, EPOCH, (message) => ed25519.sign(message, secret)),
      );
      return stateDigest;
    },
    renewal: () => heard.next("renewal") as Promise<wire.RenewalRequest>,
    async renew(device: unknown, certificate: string, epoch = EPOCH): Promise<void> {
      const to = { fleet: "lab" as never, device: device as wire.Topic["device"], leaf: "n/k" } as const;
      const payload = wire.encodeRenewal({ certificate: new Uint8Array(new X509Certificate(certificate).raw) });
      await publish(
        to,
        wire.sealSigned(to, payload, epoch, (message) => ed25519.sign(message, secretOf(epoch))),
      );
    },
    async tellTime(device: unknown, time: number, { forged = false } = {}): Promise<void> {
      const to = { fleet: "lab" as never, device: device as wire.Topic["device"], leaf: "n/t" } as const;
      const by = forged ? new Uint8Array(32).fill(1) : secret;
      const beacon = wire.encodeBeacon({ time, epoch: EPOCH, nextKey: null });
      await publish(
        to,
        wire.sealSigned(to, beacon, EPOCH, (message) => ed25519.sign(message, by)),
      );
    },
    publish,
  };
}

interface HubAddress {
  readonly port: number;
  /** PEM. */
  readonly authority: { readonly servers: string };
}

/** A device's link with a runtime that says what the test says. Its seconds are short: so many of them are one. */
export function device(at: HubAddress, folder = emptyFolder(), seconds = 100, wallMs = Date.now) {
  let say: (text: string) => void = () => {};
  let hangUp = (): void => {};
  const input = new ReadableStream<Uint8Array>({
    start(controller) {
      say = (text) => controller.enqueue(new TextEncoder().encode(text));
      hangUp = () => controller.close();
    },
    cancel() {
      hangUp = () => {};
    },
  });
  const told = new Heard();
  const ended = runAgent({
    disk: realDisk,
    applyPatch: toyPatch,
    input,
    tell: (message) => told.add(message.kind, message),
    now: () => performance.now(),
    wallMs,
    random: Math.random,
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms / seconds);
      return () => clearTimeout(timer);
    },
  });
  const settings = {
    kind: "settings",
    hub: { host: "localhost", port: at.port },
    authority: at.authority.servers,
    token: null,
    folder,
    storage: folder,
    reservedPercent: 0,
    mode: { kind: "always" },
    keepaliveS: 60,
    caps: { dayBytes: null, monthBytes: null },
    datagrams: true,
    clock: { floorMs: 0, guessed: false },
    version: "0.1.0",
  };
  closing.push(async () => {
    hangUp();
    await ended;
  });
  return {
    folder,
    ended,
    say: (message: unknown) => say(writtenLine(message)),
    begin: (more: object = {}) => say(writtenLine({ ...settings, ...more })),
    hangUp: () => {
      const close = hangUp;
      hangUp = () => {};
      close();
    },
    heard: (kind: string) => told.next(kind) as Promise<Record<string, unknown>>,
    told,
  };
}

export const running = (rev: string, status = "DONE", stateDigest = "ab".repeat(32)) => ({
  kind: "state",
  running: rev,
  stateDigest,
  status,
  containers: [{ name: "web", status: "READY", goalReached: true }],
  safeMode: false,
  local: false,
});
