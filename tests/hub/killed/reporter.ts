/** A device that reports without end, over whatever connections there are, and remembers what was acknowledged. */
import * as v from "valibot";
import { openSession, type Session, untilSubscribed } from "../../../runtime/fleet/session/index.ts";
import type { DeviceId, FleetName } from "../../../runtime/fleet/terms/index.ts";
import {
  type Desired,
  decodeDesired,
  encodeDeviceState,
  encodeProgress,
  type Leaf,
  leaves,
  openSigned,
  parseTopic,
  topic,
} from "../../../runtime/fleet/wire/index.ts";
import type { RevisionName } from "../../../runtime/state/index.ts";
import { unwrap } from "../../signatures/signed-state.ts";
import { newDevice, type TestDevice } from "../fixtures.ts";
import type { HubProcess } from "./hub-process.ts";

const lab = "lab" as FleetName;
const Enrolled = v.object({ certificate: v.string(), order: v.object({ epoch: v.number(), key: v.string() }) });
const AGAIN_MS = 100;
/** Between two reports: the hub has a disk to wait for. */
const REPORT_MS = 150;

export class Reporter {
  /** What the broker has acknowledged last of each kind: numbers that rise. */
  readonly acknowledged = { state: 0, percent: -1, ofSequence: 0 };
  order: Desired | null = null;
  /** How often it has said all it had to say. */
  rounds = 0;
  /** Stays connected and says nothing more. */
  silent = false;
  private readonly keys: ReadonlyMap<number, Uint8Array>;
  private readonly open = untilSubscribed(openSession);
  private session: Session | null = null;
  private stopped = false;
  private readonly life: Promise<void>;

  private constructor(
    private readonly hub: HubProcess,
    private readonly device: TestDevice,
    private readonly enrolled: v.InferOutput<typeof Enrolled>,
  ) {
    this.keys = new Map([[enrolled.order.epoch, new Uint8Array(Buffer.from(enrolled.order.key, "base64"))]]);
    this.life = this.live();
  }

  get id(): DeviceId {
    return this.device.id;
  }

  /** Null: the hub did not answer. */
  static async enrol(hub: HubProcess, device = newDevice()): Promise<Reporter | null> {
    const answer = await hub.ask("POST", "/enrol", "join", device.request);
    if (answer === null) return null;
    return new Reporter(hub, device, v.parse(Enrolled, answer.body));
  }

  /** Says no more; what was being said is acknowledged by then, or is not. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.session?.end();
    await this.life;
  }

  /** Tells of an order that nobody gave it, so often, with a few on their way at a time; the value is how many were acknowledged. */
  async crowd(count: number): Promise<number> {
    while (this.acknowledged.state === 0) await Bun.sleep(10);
    const { session } = this;
    if (session === null) return 0;
    const bytes = encodeProgress({ sequence: 99, phase: "downloading", percent: 1, reason: null });
    const taken = await Promise.all(Array.from({ length: count }, () => this.say(session, "u/p", bytes)));
    return taken.filter(Boolean).length;
  }

  private async live(): Promise<void> {
    while (!this.stopped) {
      await this.once();
      if (!this.stopped) await Bun.sleep(AGAIN_MS);
    }
  }

  /** One connection, for as long as it lasts. */
  private async once(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    const online = Promise.withResolvers<void>();
    const session = this.open(
      {
        host: "127.0.0.1",
        port: this.hub.mqttPort,
        authority: this.hub.authority,
        certificate: this.enrolled.certificate,
        key: this.device.keyPem,
        id: this.id,
        protocol: 5,
        keepaliveS: 60,
        expiryS: 600,
        packetBytesMax: 20 << 10,
        receiveMax: 4,
        will: null,
        topics: `c/lab/${this.id}/n/#`,
        ticket: null,
      },
      {
        online: online.resolve,
        message: async (text, bytes) => {
          if (unwrap(parseTopic(text)).leaf === "n/d") this.hear(bytes);
        },
        ticket: () => {},
        closed: () => closed.resolve(),
      },
    );
    this.session = session;
    if (this.stopped) session.end();
    await Promise.race([online.promise, closed.promise]);
    let isThere = true;
    void closed.promise.then(() => {
      isThere = false;
    });
    while (!this.stopped && isThere && (this.silent || (await this.report(session)))) await Bun.sleep(REPORT_MS);
    await closed.promise;
  }

  private hear(envelope: Uint8Array): void {
    if (envelope.length === 0) return;
    const { payload } = unwrap(openSigned({ fleet: lab, device: this.id, leaf: "n/d" }, envelope, this.keys));
    const desired = unwrap(decodeDesired(payload));
    if (desired.sequence > (this.order?.sequence ?? 0)) this.order = desired; // a device takes nothing older
  }

  /** False: the connection is gone. */
  private async report(session: Session): Promise<boolean> {
    const { acknowledged, order } = this;
    const number = acknowledged.state + 1;
    const state = encodeDeviceState({
      sequence: order?.sequence ?? 0,
      running: "1" as RevisionName,
      stateDigestPrefix: "00".repeat(8),
      status: "TESTING",
      containers: new Map(),
      bytes: { day: number, month: number },
      flags: { clockUnknown: false, safeMode: false, local: false },
      version: "0.1.0",
      userMeta: null,
      deviceMeta: null,
      orderEpoch: null,
    });
    if (!(await this.say(session, "u/s", state))) return false;
    acknowledged.state = number;
    if (order === null) return this.round();
    const percent = acknowledged.ofSequence === order.sequence ? Math.min(100, acknowledged.percent + 1) : 0;
    const progress = { sequence: order.sequence, phase: "downloading", percent, reason: null } as const;
    if (!(await this.say(session, "u/p", encodeProgress(progress)))) return false;
    acknowledged.percent = percent;
    acknowledged.ofSequence = order.sequence;
    return this.round();
  }

  private round(): true {
    this.rounds += 1;
    return true;
  }

  private say(session: Session, leaf: Leaf, bytes: Uint8Array): Promise<boolean> {
    const { qos, retained } = leaves[leaf];
    return session.publish({ topic: topic(lab, this.id, leaf), bytes, qos, retain: retained, expiryS: null });
  }
}
