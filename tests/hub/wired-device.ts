/** A device as far as the wire goes: it enrols, is connected to the hub's broker, and keeps what it hears. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { openSession, type Session } from "../../runtime/fleet/session/index.ts";
import type { DeviceId, FleetName } from "../../runtime/fleet/terms/index.ts";
import {
  type Block,
  type BlockRequest,
  type Command,
  type Desired,
  decodeBlock,
  decodeCommand,
  decodeDesired,
  encodeBlockRequest,
  encodeDeviceState,
  encodeProgress,
  type Leaf,
  leaves,
  openSigned,
  type Progress,
  parseTopic,
  topic,
} from "../../runtime/fleet/wire/index.ts";
import type { Digest, RevisionName } from "../../runtime/state/index.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { newDevice, type TestDevice } from "./fixtures.ts";
import type { HubWorld } from "./hub-world.ts";

const Enrolled = v.object({
  certificate: v.string(),
  order: v.object({ epoch: v.number(), key: v.string() }),
});
const lab = "lab" as FleetName;
const LATE_MS = 60_000;

export interface Heard {
  readonly leaf: Leaf;
  readonly bytes: Uint8Array;
}

export interface WiredDevice extends EnrolledDevice, AsyncDisposable {
  readonly heard: Heard[];
  /** The first of what is heard, from the `from`th on, that `find` makes something of. */
  until<T>(find: (heard: Heard) => T | null, from?: number): Promise<T>;
  /** An order, opened with the pinned key as a device does it. */
  order(fits: (desired: Desired) => boolean): Promise<Desired>;
  /** The same of a command. */
  command(fits: (command: Command) => boolean): Promise<Command>;
  /** Asks for blocks, and collects what comes until `count` of them are there. */
  blocks(request: BlockRequest, count: number): Promise<readonly Block[]>;
  say(leaf: Leaf, bytes: Uint8Array): Promise<boolean>;
  request(request: BlockRequest): Promise<boolean>;
  progress(progress: Progress): Promise<boolean>;
  state(state: {
    sequence: number;
    running: string;
    digest: string;
    status?: "DONE" | "TESTING";
    orderEpoch?: number | null;
  }): Promise<boolean>;
}

/** What a device keeps. */
export interface EnrolledDevice {
  readonly id: DeviceId;
  readonly device: TestDevice;
  readonly certificate: string;
  /** The hub's order keys that it knows. */
  readonly keys: Map<number, Uint8Array>;
}

/** Enrols with the hub's join token and connects. */
export const wiredDevice = async (
  world: HubWorld,
  tags: readonly string[] = [],
  way: Partial<Way> = {},
): Promise<WiredDevice> => connected(world, await enrolled(world, tags), way);

/** How a device comes to the broker. */
export interface Way {
  /** PEM: who certifies it. */
  readonly authority: string;
  readonly protocol: 4 | 5;
}

export async function enrolled(world: HubWorld, tags: readonly string[] = []): Promise<EnrolledDevice> {
  const device = newDevice();
  const { body } = await world.ask("POST", "/enrol", { token: "join", body: device.request });
  const { certificate, order } = v.parse(Enrolled, body);
  const { id } = device;
  if (tags.length > 0)
    await world.ask("PUT", `/devices/${id}/tags`, { token: "operator", body: JSON.stringify({ tags }) });
  return { id, device, certificate, keys: new Map([[order.epoch, new Uint8Array(Buffer.from(order.key, "base64"))]]) };
}

export async function connected(world: HubWorld, own: EnrolledDevice, way: Partial<Way> = {}): Promise<WiredDevice> {
  const { id, device, certificate, keys } = own;
  const heard: Heard[] = [];
  const looks = new Set<() => void>();
  const online = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const session: Session = openSession(
    {
      host: "127.0.0.1",
      port: world.mqttPort,
      authority: readFileSync(join(world.folder, "authority/authority.crt"), "utf8"),
      certificate,
      key: device.keyPem,
      id,
      protocol: 5,
      keepaliveS: 60,
      expiryS: 600,
      packetBytesMax: 20 << 10,
      receiveMax: 16,
      will: null,
      topics: `c/lab/${id}/n/#`,
      ticket: null,
      ...way,
    },
    {
      online: () => online.resolve(),
      async message(text, bytes) {
        const at = unwrap(parseTopic(text));
        heard.push({ leaf: at.leaf, bytes: new Uint8Array(bytes) });
        for (const look of looks) look();
      },
      ticket: () => {},
      closed: () => closed.resolve(),
    },
  );
  await online.promise;

  async function until<T>(find: (heard: Heard) => T | null, from = 0): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let at = from;
    const look = (): void => {
      for (const one of heard.slice(at)) {
        at += 1;
        const found = find(one);
        if (found !== null) resolve(found);
      }
    };
    looks.add(look);
    const late = setTimeout(() => reject(new Error(`not heard; there were ${heard.map(({ leaf }) => leaf)}`)), LATE_MS);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      looks.delete(look);
    }
  }

  const say = (leaf: Leaf, bytes: Uint8Array): Promise<boolean> => {
    const { qos, retained } = leaves[leaf];
    return session.publish({ topic: topic(lab, id, leaf), bytes, qos, retain: retained, expiryS: null });
  };
  const request = (wanted: BlockRequest) => say("u/q", encodeBlockRequest(wanted));
  return {
    ...own,
    heard,
    until,
    say,
    request,
    order: (fits) =>
      until(({ leaf, bytes }) => {
        if (leaf !== "n/d") return null;
        const { payload } = unwrap(openSigned({ fleet: lab, device: id, leaf: "n/d" }, bytes, keys));
        const desired = unwrap(decodeDesired(payload));
        return fits(desired) ? desired : null;
      }),
    command: (fits) =>
      until(({ leaf, bytes }) => {
        if (leaf !== "n/c") return null;
        const { payload } = unwrap(openSigned({ fleet: lab, device: id, leaf: "n/c" }, bytes, keys));
        const command = unwrap(decodeCommand(payload));
        return fits(command) ? command : null;
      }),
    async blocks(wanted, count) {
      const [from, blocks] = [heard.length, [] as Block[]];
      await request(wanted);
      return until(({ leaf, bytes }) => {
        const block = leaf === "n/o" ? unwrap(decodeBlock(bytes)) : null;
        if (block?.transfer === wanted.transfer) blocks.push(block);
        return blocks.length >= count ? blocks : null;
      }, from);
    },
    progress: (progress) => say("u/p", encodeProgress(progress)),
    state: ({ sequence, running, digest, status = "DONE", orderEpoch = null }) =>
      say(
        "u/s",
        encodeDeviceState({
          sequence,
          running: running as RevisionName,
          stateDigestPrefix: digest.slice(0, 16) as Digest,
          status,
          containers: new Map(),
          bytes: { day: 1, month: 2 },
          flags: { clockUnknown: false, safeMode: false, local: false },
          version: "0.1.0",
          userMeta: null,
          deviceMeta: null,
          orderEpoch,
        }),
      ),
    async [Symbol.asyncDispose]() {
      session.drop();
      await closed.promise;
    },
  };
}
