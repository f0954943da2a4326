import { err, ok, type Result } from "../../result.ts";
import { explainDiskError } from "../../store/index.ts";
import { usual } from "../link/index.ts";
import { LINE_BYTES_MAX, lines, readLine, type Settings, type State, ToLink, warning } from "../pipe/index.ts";
import { openSession, type SessionSpec } from "../session/index.ts";
import { encodePresence, leaves, topic, topicsTo } from "../wire/index.ts";
import { type Connection, openConnection, PACKET_BYTES_MAX } from "./connection.ts";
import { becomeMember, type Member, type MemberPorts } from "./member.ts";
import { report } from "./report.ts";

export interface AgentPorts extends Omit<MemberPorts, "sleep"> {
  /** What the runtime says. Its end is the agent's. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Monotonic milliseconds. */
  now(): number;
  setTimer(ms: number, fire: () => void): () => void;
}

/** How long the broker keeps what it has for a device that is away. */
const SESSION_EXPIRY_S = 7 * 24 * 3600;
const RECEIVE_MAX = 4;
/** Changes come in crowds: containers start together. */
const GATHER_MS = 2_000;
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
  const device = new ReportedDevice(ports);
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
  becomeMember({ ...ports, sleep }, begin).then((member) => {
    if (!member.ok) ended.resolve(member);
    else if (member.value !== null) device.join(member.value, begin);
  });
  listen(said, device).then(ended.resolve);
  const outcome = await ended.promise;
  device.leave();
  return outcome;
}

async function listen(said: AsyncGenerator<string>, device: ReportedDevice): Promise<Result<void, string>> {
  for await (const line of said) {
    const message = readLine(ToLink, line);
    if (!message.ok) return err(`the runtime says what this version does not know: ${message.error.why}`);
    if (message.value.kind === "state") device.changed(message.value);
    if (message.value.kind === "trial") device.trial(message.value.waits);
  }
  return ok(undefined);
}

/** What the runtime has said, on its way to the hub. */
class ReportedDevice {
  private state: State | null = null;
  private waits = false;
  private left = false;
  private connection: Connection | null = null;
  private say: (() => Promise<void>) | null = null;
  private next: { readonly atMs: number; readonly stop: () => void } | null = null;

  constructor(private readonly ports: Omit<AgentPorts, "input">) {}

  changed(state: State): void {
    this.state = state;
    this.sayIn(GATHER_MS);
  }

  trial(waits: boolean): void {
    this.waits = waits;
    this.connection?.trial(waits);
  }

  leave(): void {
    this.left = true;
    this.next?.stop();
    this.connection?.stop();
  }

  join(member: Member, settings: Settings): void {
    if (this.left) return;
    const { ports } = this;
    const { id, fleet, meter, outbox } = member;
    ports.tell({ kind: "joined", id, fleet });
    const warn = (message: string): void => ports.tell(warning(message));
    this.say = async () => {
      this.sayIn(REPORT_MS);
      if (this.state === null) return;
      const { dayBytes: day, monthBytes: month } = meter.usage();
      const more = { sequence: 0, bytes: { day, month }, version: settings.version, clockUnknown: false };
      const put = await outbox.put({ leaf: "u/s", bytes: report(this.state, more), lasting: false });
      if (!put.ok) warn(explainDiskError(put.error));
      this.connection?.news();
    };
    let ticket: Uint8Array | null = null;
    this.connection = openConnection({
      ...ports,
      settings: { mode: settings.mode, ...usual },
      outbox,
      meter,
      connect: (session) => openSession({ ...specOf(member, settings), ticket }, session),
      greet: () => void this.say?.(),
      message: () => {},
      publication({ leaf, bytes }) {
        const { qos, retained } = leaves[leaf];
        return { topic: topic(fleet, id, leaf), bytes, qos, retain: retained, expiryS: null };
      },
      ticket: (bytes) => {
        ticket = bytes;
      },
      contact: () => ports.tell({ kind: "contact" }),
      warn,
    });
    if (this.waits) this.connection.trial(true);
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

function specOf(member: Member, { authority, keepaliveS }: Settings): Omit<SessionSpec, "ticket"> {
  const { id, fleet, broker, certificate, key } = member;
  return {
    ...broker,
    authority,
    certificate,
    key,
    id,
    protocol: 5,
    keepaliveS,
    expiryS: SESSION_EXPIRY_S,
    packetBytesMax: PACKET_BYTES_MAX,
    receiveMax: RECEIVE_MAX,
    will: { topic: topic(fleet, id, "u/l"), bytes: encodePresence("gone"), delayS: 2 * keepaliveS },
    topics: topicsTo(fleet, id),
  };
}

/** A clock that is set back stands still instead. */
function rising(wallMs: () => number): () => number {
  let latest = 0;
  return () => {
    latest = Math.max(latest, wallMs());
    return latest;
  };
}
