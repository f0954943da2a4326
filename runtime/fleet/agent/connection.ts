import { explainDiskError } from "../../store/index.ts";
import { CONNECT_BYTES, deadline, type Link, type LinkEvent, type LinkSettings, newLink, step } from "../link/index.ts";
import type { KeptOutbox, Letter } from "../outbox/index.ts";
import { explainEnd, type Publication, type Session, type SessionEnd, type SessionPorts } from "../session/index.ts";
import type { Meter } from "./meter.ts";

export interface ConnectionPorts {
  readonly settings: LinkSettings;
  readonly outbox: KeptOutbox;
  readonly meter: Meter;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970, never going back. */
  wallMs(): number;
  /** In [0, 1). */
  random(): number;
  /** Calls once, `ms` from now or a little later; the value takes that back. */
  setTimer(ms: number, fire: () => void): () => void;
  connect(ports: SessionPorts): Session;
  /** What is to be said on each connection first, such as the state. */
  greet(): void;
  /** There is no connection any more. */
  offline(): void;
  /** Nothing more is read before this is done. */
  message(topic: string, bytes: Uint8Array): Promise<void>;
  /** Something is under way, beside what is in the outbox. */
  busy(): boolean;
  /** The broker has it. */
  arrived(letter: Letter): Promise<void>;
  /** How a letter travels. */
  publication(letter: Letter): Publication;
  /** Of the next session. */
  ticket(bytes: Uint8Array): void;
  /** A revision on trial asked, and the hub was heard. */
  contact(): void;
  warn(message: string): void;
}

export interface Connection {
  /** There is something new in the outbox. `urgent`: it should not wait for the next wake. */
  news(options?: { readonly urgent?: boolean }): void;
  /** A revision on trial waits for the hub, or no longer does. */
  trial(waits: boolean): void;
  /** Ends true when everything that the hub had sent before this has come. A connection that says nothing for long is given up. */
  probe(): Promise<boolean>;
  /** Of the session that is there, `unreadBytesMax` from now on: more than it was. */
  widen(unreadBytesMax: number): void;
  readonly view: Link;
  /** Says farewell and begins nothing more. */
  stop(): void;
}

/** What a message costs beside its own bytes: MQTT, TLS, TCP and IP, and its acknowledgement. */
const MESSAGE_BYTES = 400;
/** No message that comes is longer: the session refuses it. It is counted when it is there, so the disk knows of one more beforehand. */
export const PACKET_BYTES_MAX = 20_000;
/** Pings are counted now and then. */
const COUNT_MS = 10 * 60_000;
/** Without a word for so long, a connection that is asked is given up: outages of minutes are usual, and outliving one is cheaper than a new one. */
const DEAD_MS = 6 * 60_000;

/** Carries out what `link/` decides: letters go while there is a connection and room for them, and every byte is counted. */
export function openConnection(ports: ConnectionPorts): Connection {
  const { outbox, meter } = ports;
  let link = newLink(ports.settings, ports.now());
  let session: Session | null = null;
  let counted = 0;
  let stopped = false;
  let stopTimer = (): void => {};
  let pumping = false;
  let again = false;
  let heardMs = 0;
  let probing: Promise<boolean> | null = null;

  function send(event: LinkEvent): void {
    const now = ports.now();
    const moreRoomAtMs = now + Math.max(0, meter.nextDayMs() - ports.wallMs());
    const [after, effects] = step(link, event, {
      atMs: now,
      random: ports.random(),
      roomBytes: meter.room(),
      moreRoomAtMs,
    });
    link = after;
    for (const { kind } of effects) act[kind]();
    stopTimer();
    if (stopped) return;
    const dueMs = deadline(link);
    const waitMs = Math.min(
      session === null ? Number.POSITIVE_INFINITY : COUNT_MS,
      (dueMs ?? Number.POSITIVE_INFINITY) - now,
    );
    if (waitMs !== Number.POSITIVE_INFINITY) stopTimer = ports.setTimer(Math.max(0, waitMs), tick);
  }

  function heard(): void {
    heardMs = ports.now();
    send({ kind: "heard" });
  }

  const tick = (): void => {
    count();
    if (session !== null) allowed(0).then((may) => (may ? undefined : session?.drop()));
    send({ kind: "tick" });
    if (!outbox.empty) pump(); // a new day may have brought room
  };

  function count(): void {
    if (session === null) return;
    const used = session.usedBytes();
    meter.carried(used - counted);
    counted = used;
  }

  /** The disk knows of the bytes before they go, and of a message that may come meanwhile. */
  async function allowed(bytes: number): Promise<boolean> {
    const promised = await meter.promise(bytes + PACKET_BYTES_MAX);
    if (!promised.ok) ports.warn(`nothing is sent, since it could not be counted: ${explainDiskError(promised.error)}`);
    return promised.ok;
  }

  const act = {
    connect() {
      allowed(CONNECT_BYTES).then((may) => {
        if (stopped || link.phase.at !== "connecting") return;
        if (may) begin();
        else send({ kind: "closed" });
      });
    },
    disconnect: () => session?.end(),
    drop: () => session?.drop(),
    contact: () => ports.contact(),
  } as const;

  function begin(): void {
    counted = 0;
    const opened: Session = ports.connect({
      online() {
        send({ kind: "connected" });
        ports.greet();
        pump();
      },
      async came() {
        count();
        send({ kind: "tick" });
        if (!(await allowed(0))) opened.drop();
      },
      message(topic, bytes) {
        heard();
        return ports.message(topic, bytes);
      },
      ticket: ports.ticket,
      closed(end) {
        if (session !== opened) return;
        count();
        session = null;
        outbox.interrupted();
        ports.offline();
        tell(end);
        send({ kind: "closed" });
      },
      late: (bytes) => meter.carried(bytes),
    });
    session = opened;
  }

  function tell(end: SessionEnd): void {
    if (end.kind !== "ended") ports.warn(`the connection to the hub is gone: ${explainEnd(end)}`);
  }

  const settle = (): void => send({ kind: "busy", busy: !outbox.empty || ports.busy() });

  /** One letter after the other is handed over; several may be on their way. */
  async function pump(): Promise<void> {
    again = true;
    if (pumping) return;
    pumping = true;
    while (again) {
      again = false;
      await handOver();
    }
    pumping = false;
    settle();
  }

  async function handOver(): Promise<void> {
    for (;;) {
      const { at } = link.phase;
      if (session === null || at !== "online") return;
      const to = session;
      const letter = outbox.take();
      if (letter === null) return;
      const bytes = letter.bytes.length + MESSAGE_BYTES;
      count();
      if (meter.room() < bytes || !(await allowed(bytes)) || session !== to) return outbox.hold(letter.id);
      to.publish(ports.publication(letter)).then(async (taken) => {
        if (!taken || session !== to) return;
        const gone = await outbox.arrived(letter.id);
        if (!gone.ok) ports.warn(explainDiskError(gone.error));
        await ports.arrived(letter);
        count();
        heard();
        settle();
      });
    }
  }

  async function probe(): Promise<boolean> {
    const to = session;
    if (to === null || link.phase.at !== "online") return false;
    if (meter.room() < MESSAGE_BYTES || !(await allowed(MESSAGE_BYTES))) return true; // nothing that costs more will follow
    heardMs = ports.now();
    let stop = (): void => {};
    const watch = (): void => {
      const leftMs = heardMs + DEAD_MS - ports.now();
      if (leftMs > 0) stop = ports.setTimer(leftMs, watch);
      else to.drop();
    };
    watch();
    const answered = await to.probe();
    stop();
    return answered;
  }

  send({ kind: "tick" });
  return {
    news({ urgent = false } = {}) {
      send({ kind: "busy", busy: true });
      if (urgent) send({ kind: "urgent" });
      pump();
    },
    trial: (trial) => send({ kind: "trial", trial }),
    probe() {
      probing ??= probe().finally(() => {
        probing = null;
      });
      return probing;
    },
    widen: (unreadBytesMax) => session?.widen(unreadBytesMax),
    get view() {
      return link;
    },
    stop() {
      stopped = true;
      stopTimer();
      count();
      session?.end();
    },
  };
}
