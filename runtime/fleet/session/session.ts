import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { type IClientOptions, type IConnackPacket, MqttClient, type Packet } from "mqtt";
import type { Address } from "../../address.ts";
import { err, invariant, type Result } from "../../result.ts";
import { explainTunnel, openTunnel } from "../proxy/index.ts";
import { dial } from "../way/index.ts";
import { gated } from "./gate.ts";
import { PacketSizes } from "./packet-sizes.ts";
import { refusesVersion, type Version } from "./version.ts";

/** What a connection is made with. Times in seconds, as MQTT has them. */
export interface SessionSpec extends Address {
  /** Null: there is a direct way. */
  readonly proxy?: Address | null;
  /** The name in its certificate, or the address, where that is not how it is reached from here. */
  readonly serverName?: string;
  /** PEM. Only servers with a certificate of this authority are talked to. */
  readonly authority: string;
  /** It is not a hub's own, and signs with whatever it likes. */
  readonly foreign?: boolean;
  /** PEM: the device's own. */
  readonly certificate: string;
  readonly key: string;
  /** MQTT client id; the broker wants the common name of the certificate. */
  readonly id: string;
  readonly protocol: Version;
  readonly keepaliveS: number;
  /** How long the broker keeps what it has for a device that is away; 3.1.1 leaves that to the broker. */
  readonly expiryS: number;
  /** A broker that sends a larger packet is left. More that wait for our acknowledgement are not sent, which 3.1.1 leaves to TCP. */
  readonly packetBytesMax: number;
  readonly receiveMax: number;
  /** SO_RCVBUF of the connection from its first packet on: twice as much is unread at most. Without it, as much as the kernel likes. */
  readonly unreadBytesMax?: number;
  readonly will: { readonly topic: string; readonly bytes: Uint8Array; readonly delayS: number } | null;
  /** What is subscribed when the broker has no session for us. */
  readonly topics: string;
  /** Subscribes also when it has one, which it may have kept from before it knew the topics. */
  readonly surely?: boolean;
  /** What {@link SessionPorts.ticket} gave last time: TLS then resumes. */
  readonly ticket: Uint8Array | null;
}

export interface SessionPorts {
  /** The broker has kept nothing for us: it does not know us yet, or no longer. `online` follows. */
  forgotten?(): void;
  /** MQTT is there, and what is sent to us comes. */
  online(): void;
  /** Bytes have come, TLS's own among them: they are not looked at, and nothing more is read, before this is done. */
  came?(): Promise<void>;
  /**
   * Nothing more is read before this is done: a slow reader slows the sender down. When it rejects, the message was not taken: it is not
   * acknowledged, and the connection is closed.
   */
  message(topic: string, bytes: Uint8Array): Promise<void>;
  /** A ticket for the next connection. */
  ticket(bytes: Uint8Array): void;
  /** Nothing comes any more; called once. */
  closed(why: SessionEnd): void;
  /** Once after `closed`, when what was on its way by then has come, too: so many bytes more. */
  late?(bytes: number): void;
}

/**
 * `refused`: the broker answered CONNECT with this reason code (MQTT 5 section 3.2.2.2, or 3.1.1 table 3.1). `unanswered`: it ended the
 * connection instead.
 */
export type SessionEnd =
  | { readonly kind: "ended" }
  | { readonly kind: "refused"; readonly code: number }
  | { readonly kind: "unanswered"; readonly problem: string }
  | { readonly kind: "lost"; readonly problem: string };

export interface Publication {
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** The broker forgets it when nobody has taken it by then; null, or with 3.1.1: never. */
  readonly expiryS: number | null;
}

export interface Session {
  /**
   * Ends true when it was taken: acknowledged with QoS 1 (which in 3.1.1 also who was not allowed to is), written with 0. False: the
   * connection is gone, and nobody knows.
   */
  publish(publication: Publication): Promise<boolean>;
  /** Ends true when everything that the broker had sent before this has come; false: the connection is gone. */
  probe(): Promise<boolean>;
  /** `unreadBytesMax` from now on: more than it was. */
  widen(unreadBytesMax: number): void;
  /** Says farewell; `closed` follows. The will is not sent. */
  end(): void;
  /** Closes at once; `closed` follows. The broker sends the will after its delay. */
  drop(): void;
  /** Bytes of IP and up, both directions, so far. */
  usedBytes(): number;
}

const CONNECT_MS = 24 * 3600_000; // the link has its own clock for that

/** Begins to connect. Nothing is thrown: what goes wrong ends in `closed`. */
export function openSession(spec: SessionSpec, ports: SessionPorts): Session {
  const { proxy = null } = spec;
  const dialled = dial(proxy ?? spec, {
    receiveBytes: spec.unreadBytesMax ?? null,
    patience: { keptMs: 1500 * spec.keepaliveS, retryMs: RETRY_MS },
    came: async () => ports.came?.(),
  });
  let usedBytes = dialled.usedBytes;
  let way: Duplex | null = null;
  let socket: TLSSocket | null = null;
  let end: SessionEnd = { kind: "lost", problem: "the connection was closed" };
  let [ending, over] = [false, false];
  /** The broker has let us in. */
  let isThere = false;
  /** CONNECT is on its way, and nothing has come back. */
  let asking = false;
  const unanswered = new Set<(taken: boolean) => void>();
  const client = new MqttClient(() => {
    invariant(way !== null, "MQTT begins when there is a way to the broker");
    const connecting = secured(spec, way);
    socket = connecting;
    connecting.once("secureConnect", () => {
      asking = true;
    });
    connecting.on("session", (ticket: Buffer) => ports.ticket(new Uint8Array(ticket)));
    const sizes = new PacketSizes(spec.packetBytesMax);
    return gated(connecting, async (bytes) => {
      if (!over && !sizes.fit(bytes)) giveUp(`the broker sends more than ${spec.packetBytesMax} bytes at once`);
      return !over;
    });
  }, optionsOf(spec));
  const hangUp = (how: "after what was written" | "at once" = "after what was written"): void => {
    dialled.close(how);
    if (socket !== null) client.end(true);
  };
  const close = (): void => {
    if (over) return;
    over = true;
    const bytes = dialled.usedBytes();
    usedBytes = () => bytes;
    for (const answer of unanswered) answer(false);
    ports.closed(asking && end.kind === "lost" ? { kind: "unanswered", problem: end.problem } : end);
    void dialled.silent().then(() => ports.late?.(dialled.usedBytes() - bytes));
  };
  function giveUp(problem: string): void {
    asking = false;
    end = { kind: "lost", problem };
    hangUp("at once");
    close();
  }
  client.on("connect", ({ sessionPresent }: IConnackPacket) => {
    asking = false;
    isThere = true;
    if (sessionPresent && spec.surely !== true) return ports.online();
    if (!sessionPresent) ports.forgotten?.();
    // Retained messages come once, with a new subscription.
    client.subscribe(spec.topics, { qos: 1, rh: 1 }, (problem) => {
      if (problem === null) ports.online();
      else giveUp(`the broker refused our topics: ${problem.message}`);
    });
  });
  // By the time of "message" the topic of an alias is known; `handleMessage` is what the reader waits for.
  let read = Promise.resolve();
  client.on("message", (topic, payload) => {
    read = ports.message(topic, payload);
  });
  client.handleMessage = (_, next) =>
    void read.then(
      () => next(),
      (problem) => {
        if (!over) giveUp(`a message could not be taken: ${String(problem)}`);
      },
    );
  client.on("error", (problem: Error & { readonly code?: unknown }) => {
    const code = typeof problem.code === "number" ? problem.code : null;
    end = code === null ? { kind: "lost", problem: problem.message } : { kind: "refused", code };
    hangUp();
    close();
  });
  client.on("disconnect", ({ reasonCode }) => {
    end = { kind: "lost", problem: `the broker closed the connection, reason ${reasonCode ?? 0}` };
  });
  client.on("close", () => {
    hangUp();
    close();
  });
  const opened: Promise<Result<Duplex, string>> =
    proxy === null
      ? dialled.opened
      : openTunnel(dialled, spec).then((tunnel) => (tunnel.ok ? tunnel : err(explainTunnel(tunnel.error, proxy))));
  void opened.then((result) => {
    if (over) return;
    if (!result.ok) return giveUp(result.error);
    way = result.value;
    client.connect();
  });
  return {
    publish: ({ topic, bytes, qos, retain, expiryS }) =>
      new Promise((resolve) => {
        if (ending || over || socket === null) return resolve(false);
        unanswered.add(resolve);
        const answer = (taken: boolean): void => {
          unanswered.delete(resolve);
          resolve(taken);
        };
        const properties = spec.protocol === 5 && expiryS !== null ? { messageExpiryInterval: expiryS } : undefined;
        const options = { qos, retain, ...(properties === undefined ? {} : { properties }) };
        client.publish(topic, Buffer.from(bytes), options, (problem) =>
          answer(problem === undefined || problem === null),
        );
      }),
    probe: () =>
      new Promise((resolve) => {
        if (over || socket === null) return resolve(false);
        unanswered.add(resolve);
        const heard = ({ cmd }: Packet): void => {
          if (cmd !== "pingresp") return;
          client.off("packetreceive", heard);
          unanswered.delete(resolve);
          resolve(true);
        };
        client.on("packetreceive", heard);
        client.sendPing();
      }),
    widen: (unreadBytesMax) => dialled.widen(unreadBytesMax),
    end() {
      end = { kind: "ended" };
      ending = true; // the client keeps nothing any more, and throws
      if (isThere) client.end(false);
      else {
        // Nobody to say farewell to, and the client would wait for somebody.
        hangUp();
        close();
      }
    },
    drop() {
      asking = false;
      hangUp("at once");
      close();
    },
    usedBytes: () => usedBytes(),
  };
}

/** Of an outage that ends, so much is lost at most; and an outage costs a packet each time. */
const RETRY_MS = 60_000;

/** `way` leads to the broker. */
function secured(spec: SessionSpec, way: Duplex): TLSSocket {
  const name = spec.serverName ?? spec.host;
  return connect({
    socket: way,
    host: spec.host,
    port: spec.port,
    ...(isIP(name) === 0 ? { servername: name } : {}), // RFC 6066 section 3: no addresses
    ca: spec.authority,
    cert: spec.certificate,
    key: spec.key,
    ...(spec.serverName === undefined
      ? {}
      : { checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate) }),
    minVersion: "TLSv1.3",
    ecdhCurve: "X25519", // one key share of 32 bytes; Bun's own choice adds 1.2 kB of ML-KEM to each connection
    ...(spec.foreign === true ? {} : { sigalgs: "ecdsa_secp256r1_sha256" }), // what a hub's authority signs with
    rejectUnauthorized: true,
    ...(spec.ticket === null ? {} : { session: Buffer.from(spec.ticket) }),
  });
}

function optionsOf(spec: SessionSpec): IClientOptions {
  const { will } = spec;
  return {
    clientId: spec.id,
    protocolVersion: spec.protocol,
    keepalive: spec.keepaliveS,
    clean: false,
    reconnectPeriod: 0,
    manualConnect: true,
    connectTimeout: CONNECT_MS,
    resubscribe: false,
    queueQoSZero: false,
    ...(will === null
      ? {}
      : {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.bytes),
            qos: 1,
            retain: true,
            ...(spec.protocol === 5 ? { properties: { willDelayInterval: will.delayS } } : {}),
          },
        }),
    ...(spec.protocol === 5
      ? {
          autoAssignTopicAlias: true,
          properties: {
            sessionExpiryInterval: spec.expiryS,
            receiveMaximum: spec.receiveMax,
            maximumPacketSize: spec.packetBytesMax,
            topicAliasMaximum: TOPIC_ALIASES,
          },
        }
      : {}),
  };
}

/** As many topics as a device is sent messages on. */
const TOPIC_ALIASES = 8;

/** To be put behind the name of the broker. */
export function explainEnd(end: SessionEnd): string {
  switch (end.kind) {
    case "ended":
      return "the connection was ended";
    case "refused":
      return refusesVersion(end.code) ? "it speaks another version of MQTT" : `it refuses us, reason ${end.code}`;
    case "unanswered":
      return `it did not answer: ${end.problem}`;
    case "lost":
      return end.problem;
  }
}
