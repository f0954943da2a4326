import { err, ok, type Result } from "../../result.ts";
import { explainDiskError, openStore } from "../../store/index.ts";
import { unreadBytesMax } from "../budget/index.ts";
import { type Commands, openCommands } from "../commands/index.ts";
import { fetchDatagrams, openDatagramSocket, openDatagramWay } from "../datagrams/index.ts";
import { openOrders } from "../desired/index.ts";
import { enrol } from "../enrol/index.ts";
import { usual } from "../link/index.ts";
import type { Letter } from "../outbox/index.ts";
import { type ApplyPatch, download, openParcels } from "../parcels/index.ts";
import { LINE_BYTES_MAX, lines, readLine, type Settings, type State, ToLink, warning } from "../pipe/index.ts";
import { openCertificates } from "../renewal/index.ts";
import { eitherVersion, untilSubscribed } from "../session/index.ts";
import { FIRST_EPOCH } from "../terms/index.ts";
import { receiveBytesFor } from "../transfer/index.ts";
import { beginningOf, LinkClock, openTrust } from "../trust/index.ts";
import { encodeBlockRequest, leaves, parseTopic, topic } from "../wire/index.ts";
import { type Connection, openConnection, PACKET_BYTES_MAX } from "./connection.ts";
import { Delivery } from "./delivery.ts";
import { evidenceLetter } from "./evidence.ts";
import { openKeptPace } from "./kept-pace.ts";
import { openKeptTicket } from "./kept-ticket.ts";
import { openKnownBroker } from "./known-broker.ts";
import { becomeMember, type Member, type MemberPorts } from "./member.ts";
import { keepMembership } from "./membership.ts";
import { type LinkMetadata, openLinkMetadata } from "./metadata.ts";
import type { Meter } from "./meter.ts";
import { ProgressReport } from "./progress.ts";
import { report } from "./report.ts";
import { specOf } from "./session-spec.ts";
import type { Datagrams } from "./streams.ts";
import { openKeptVersion } from "./version.ts";
import { fewWarnings } from "./warnings.ts";

export interface AgentPorts extends Omit<MemberPorts, "sleep"> {
  /** What the runtime says. Its end is the agent's. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly applyPatch: ApplyPatch;
  /** Monotonic milliseconds. */
  now(): number;
  setTimer(ms: number, fire: () => void): () => void;
}

/** Changes come in crowds: containers start together. */
const GATHER_MS = 2_000;
/** And longer while a revision is being tried, whose verdict is what counts. */
const GATHER_UPDATING_MS = 60_000;
/** Also when nothing changes. */
const REPORT_MS = 24 * 3600_000;

/**
 * The life of a device's link: makes the device one of a fleet, and keeps the hub informed. Ends when the runtime says no more, or with
 * a sentence when it cannot go on.
 */
export async function runAgent(given: AgentPorts): Promise<Result<void, string>> {
  const ports = { ...given, wallMs: rising(given.wallMs) };
  const said = lines(ports.input, LINE_BYTES_MAX);
  const first = await said.next();
  if (first.done === true) return ok(undefined);
  const settings = readLine(ToLink, first.value);
  if (!settings.ok) return err(settings.error.why);
  const { value: begin } = settings;
  if (begin.kind !== "settings") return err("the runtime did not begin with settings");
  const clock = new LinkClock(begin.clock, ports);
  const device = new ReportedDevice(ports, clock);
  const ended = Promise.withResolvers<Result<void, string>>();
  const sleep = (ms: number): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = ports.setTimer(ms, () => resolve(true));
    ended.promise.then(() => {
      stop();
      resolve(false);
    });
    return promise;
  };
  clock
    .atLeast(beginningOf(begin.authority)) // else TLS would refuse the hub
    .then(() => becomeMember({ ...ports, sleep }, begin))
    .then(async (member): Promise<Result<void, string>> => {
      if (!member.ok || member.value === null) return member.ok ? ok(undefined) : member;
      return device.join(member.value, begin);
    })
    .then((joined) => joined.ok || ended.resolve(joined), ended.reject);
  listen(said, device).then(ended.resolve);
  const outcome = await ended.promise;
  await device.leave();
  return outcome;
}

async function listen(said: AsyncGenerator<string>, device: ReportedDevice): Promise<Result<void, string>> {
  for await (const line of said) {
    const message = readLine(ToLink, line);
    if (!message.ok) return err(`the runtime says what this version does not know: ${message.error.why}`);
    if (message.value.kind === "settings") return err("the runtime began twice");
    device.hear(message.value);
  }
  return ok(undefined);
}

type Said = Exclude<ToLink, Settings>;

/** What the runtime has said, on its way to the hub, and what the hub wants, on its way to the runtime. */
class ReportedDevice {
  private state: State | null = null;
  private left = false;
  private connection: Connection | null = null;
  private delivery: Delivery | null = null;
  private commands: Commands | null = null;
  private progress: ProgressReport | null = null;
  private meter: Meter | null = null;
  private metadata: LinkMetadata | null = null;
  /** The latest of each kind that came before the device was one of a fleet. */
  private readonly early = new Map<Said["kind"], Said>();
  private say: (() => Promise<void>) | null = null;
  private next: { readonly atMs: number; readonly stop: () => void } | null = null;

  constructor(
    private readonly ports: Omit<AgentPorts, "input">,
    private readonly clock: LinkClock,
  ) {}

  hear(message: Said): void {
    const { delivery } = this;
    if (delivery === null && message.kind !== "clock") this.early.set(message.kind, message);
    switch (message.kind) {
      case "state":
        this.state = message;
        delivery?.state(message);
        this.sayIn(delivery?.updating ? GATHER_UPDATING_MS : GATHER_MS);
        break;
      case "clock":
        this.clockIs(message);
        break;
      case "trial":
        this.trial(message.waits);
        break;
      case "fetch":
        delivery?.fetch(message);
        break;
      case "stopFetch":
        delivery?.stopFetch(message.rev);
        break;
      case "room":
        delivery?.room(message.enough);
        break;
      case "progress":
        delivery?.progress(message);
        break;
      case "result":
        void this.commands?.result(message);
        break;
      case "deviceMeta":
      case "userMeta":
        this.metadata?.hear(message);
        break;
    }
  }

  private clockIs(message: Extract<Said, { kind: "clock" }>): void {
    const { known } = this.clock;
    this.clock.is(message);
    this.delivery?.lookAgain();
    if (this.clock.known !== known) this.sayIn(GATHER_MS);
  }

  private trial(waits: boolean): void {
    this.connection?.trial(waits);
    // The hub is heard when it answers something: that may as well be what it wants to know.
    if (waits && this.connection !== null && this.progress?.flush() !== true) this.say?.();
  }

  async leave(): Promise<void> {
    this.left = true;
    this.next?.stop();
    this.delivery?.leave();
    this.metadata?.leave();
    this.connection?.stop();
    const closed = await this.meter?.close();
    if (closed?.ok === false) this.ports.tell(warning(explainDiskError(closed.error)));
  }

  /** The error is a sentence: the device is one of a fleet, and cannot keep what that takes. */
  async join(member: Member, settings: Settings): Promise<Result<void, string>> {
    const { ports } = this;
    const { id, fleet, meter, outbox } = member;
    const { proxy = null, authority } = settings;
    const warn = fewWarnings(ports.tell, ports.now);
    const membership = keepMembership(ports.disk, settings.folder, member);
    const trust = openTrust({
      keys: member.orderKeys,
      keep: (orderKeys) => membership.change({ orderKeys }),
      followed: () => this.say?.(),
      clock: this.clock,
      warn,
    });
    const orders = await openOrders(ports.disk, settings.folder, trust.keys);
    if (!orders.ok) return err(explainDiskError(orders.error));
    const parcels = await openParcels(ports.disk, settings.folder, ports.now);
    if (!parcels.ok) return err(explainDiskError(parcels.error));
    const post = async (letter: Omit<Letter, "id">, urgent = false): Promise<boolean> => {
      const put = await outbox.put(letter);
      if (!put.ok) warn(explainDiskError(put.error));
      this.connection?.news({ urgent });
      return put.ok;
    };
    const opened = await openCommands({
      ...ports,
      folder: settings.folder,
      keys: trust.keys,
      post: (letter) => post(letter, true),
      warn,
      spent: () => ({ caps: settings.caps, ...meter.usage(), waitingBytes: outbox.bytes }),
    });
    if (!opened.ok) return err(explainDiskError(opened.error));
    const commands = opened.value;
    const metadata = await openLinkMetadata({
      ...ports,
      folder: settings.folder,
      keys: trust.keys,
      post: (bytes) => void post({ leaf: "u/d", bytes, lasting: false }),
      room: () => meter.room(),
      changed: () => this.sayIn(GATHER_MS),
      warn,
    });
    if (!metadata.ok) return err(explainDiskError(metadata.error));
    const pace = await openKeptPace({ ...ports, folder: settings.folder, warn });
    if (this.left) return ok(undefined);
    this.meter = meter;
    ports.tell({ kind: "joined", id, fleet });
    const unreadBytes = (): number =>
      Math.min(unreadBytesMax(settings.caps, PACKET_BYTES_MAX), receiveBytesFor(pace) ?? Number.POSITIVE_INFINITY);
    /** Of the connection. */
    let unread = 0;
    const progress = new ProgressReport({
      send: async (bytes, lasting) => void (await post({ leaf: "u/p", bytes, lasting }, lasting)),
      setTimer: ports.setTimer,
    });
    const delivery = new Delivery({
      ...ports,
      store: openStore(ports.disk, settings.storage, "link"),
      reservedPercent: settings.reservedPercent,
      orders: orders.value,
      parcels: parcels.value,
      meter,
      progress,
      request: (request) => void post({ leaf: "u/q", bytes: encodeBlockRequest(request), lasting: false }),
      probe: async () => (await this.connection?.probe()) ?? false,
      paceBefore: pace.bytesPerS,
      measured: (now) => {
        pace.measured(now);
        if (unreadBytes() <= unread) return;
        unread = unreadBytes();
        this.connection?.widen(unread);
      },
      download: (what) => download({ ...settings.hub, proxy, authority, setTimer: ports.setTimer, ...what }),
      datagrams:
        proxy === null && settings.datagrams
          ? openDatagramWay<Datagrams>(
              (what) => fetchDatagrams({ ...ports, ...settings.hub, open: openDatagramSocket, ...what }),
              ports.now,
            )
          : null,
      warn,
      evidence: (rev, text) => post(evidenceLetter(rev, text)),
      changed: (urgent) => {
        this.connection?.news({ urgent });
        if (!delivery.updating) this.sayIn(GATHER_MS);
      },
    });
    meter.liftWhile(() => delivery.lifted(outbox.empty));
    const certificates = openCertificates({
      id,
      own: member,
      keep: ({ certificate, renewed }) => membership.change({ certificate, renewed }),
      keys: trust.keys,
      post: (bytes) => void post({ leaf: "u/k", bytes, lasting: false }),
      timeMs: () => (this.clock.known ? ports.wallMs() : null),
      warn,
    });
    this.say = async () => {
      this.sayIn(REPORT_MS);
      certificates.look();
      if (this.state === null) return;
      const { dayBytes: day, monthBytes: month } = meter.usage();
      const { sequence } = delivery;
      const clockUnknown = !this.clock.known;
      const orderEpoch = trust.epoch === FIRST_EPOCH ? null : trust.epoch;
      const { version } = settings;
      const more = { sequence, bytes: { day, month }, version, clockUnknown, ...metadata.value.said, orderEpoch };
      await post({ leaf: "u/s", bytes: report(this.state, more), lasting: false });
    };
    const version = await openKeptVersion({ ...ports, folder: settings.folder, warn });
    const open = untilSubscribed(eitherVersion(version));
    const acrossRestarts = settings.mode.kind === "always";
    const tickets = await openKeptTicket({ ...ports, folder: settings.folder, acrossRestarts, warn });
    const broker = openKnownBroker({
      ...{ now: ports.now, meter, warn, first: member.broker },
      ask: () => enrol({ ...settings.hub, proxy, authority, id, request: member.request, token: settings.token }),
      keep: (broker) => membership.change({ broker }),
    });
    let certificate = "";
    let greeted = false;
    this.connection = openConnection({
      ...ports,
      settings: { mode: settings.mode, ...usual },
      outbox,
      meter,
      connect: (session) => {
        certificate = certificates.next();
        greeted = false;
        unread = unreadBytes();
        return open(
          {
            ...specOf(member, broker.current, settings),
            certificate,
            ticket: tickets.of(certificate),
            unreadBytesMax: unread,
          },
          session,
        );
      },
      greet: () => {
        greeted = true;
        void certificates.tried(true);
        broker.met();
        this.say?.();
        delivery.connected();
      },
      offline: () => {
        if (!greeted) void certificates.tried(false).then(broker.missed);
        delivery.disconnected();
      },
      busy: () => delivery.busy || commands.busy,
      async message(text, bytes) {
        const at = parseTopic(text);
        if (!at.ok || at.value.fleet !== fleet || at.value.device !== id) return;
        if (at.value.leaf === "n/d") await delivery.desired(at.value, bytes);
        if (at.value.leaf === "n/o") await delivery.block(bytes);
        if (at.value.leaf === "n/c") await commands.hear(at.value, bytes);
        if (at.value.leaf === "n/t") await trust.beacon(at.value, bytes);
        if (at.value.leaf === "n/k") await certificates.take(at.value, bytes);
        if (at.value.leaf === "n/u") await metadata.value.take(at.value, bytes);
      },
      arrived: async ({ leaf }) => {
        if (leaf === "u/d") await metadata.value.arrived();
      },
      publication({ leaf, bytes }) {
        const { qos, retained } = leaves[leaf];
        return { topic: topic(fleet, id, leaf), bytes, qos, retain: retained, expiryS: null };
      },
      ticket: (ticket) => {
        tickets.keep(certificate, ticket);
      },
      contact: () => ports.tell({ kind: "contact" }),
      warn,
    });
    this.progress = progress;
    this.metadata = metadata.value;
    this.delivery = delivery;
    this.commands = commands;
    commands.begin();
    for (const message of this.early.values()) this.hear(message);
    this.early.clear();
    return ok(undefined);
  }

  /** Reports in so many milliseconds, if not sooner. */
  private sayIn(ms: number): void {
    const atMs = this.ports.now() + ms;
    if (this.next !== null && this.next.atMs <= atMs) return;
    this.next?.stop();
    const stop = this.ports.setTimer(ms, () => {
      this.next = null;
      this.say?.();
    });
    this.next = { atMs, stop };
  }
}

/** A clock that is set back stands still instead. */
function rising(wallMs: () => number): () => number {
  let latest = 0;
  return () => {
    latest = Math.max(latest, wallMs());
    return latest;
  };
}
