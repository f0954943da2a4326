import { checkServerIdentity, connect } from "node:tls";
import { err, ok, type Result } from "../../result.ts";

/** A client of the broker for a moment. */
export interface Intruder {
  readonly host: string;
  readonly port: number;
  /** In the broker's certificate. Null: its authority is enough, as the hub's own broker may be reached by an address that its certificate has not. */
  readonly serverName: string | null;
  /** Certificate of the authority in PEM: nobody else is told who is taken over. */
  readonly authority: string;
  /** With the name of the client whose place it takes; both in PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly clientId: string;
}

const WAIT_MS = 10_000;
/** As CONNECT has it: 4 is 3.1.1. */
type Version = 4 | 5;
/** CONNECT (section 3.1 of both): clean start, keepalive of 10 s, no properties, so that nothing of the session is kept. */
const connectPacket = (clientId: string, version: Version): Uint8Array => {
  const id = Buffer.from(clientId);
  const properties = version === 5 ? [0] : [];
  const rest = [0, 4, ...Buffer.from("MQTT"), version, 0x02, 0, 10, ...properties, 0, id.length, ...id];
  return Uint8Array.of(0x10, rest.length, ...rest);
};
const DISCONNECT = Uint8Array.of(0xe0, 0);
const CONNACK = 0x20;
/** In CONNACK: type, length, flags, reason. */
const REASON_AT = 3;

/**
 * Ends a client's session: a broker serves one client of a name, and the last one wins (MQTT 5 section 3.1.4). The old connection is
 * closed, what was queued for it is dropped. The error says why it did not work, for people.
 */
export async function takeOver(intruder: Intruder): Promise<Result<void, string>> {
  const taken = await attempt(intruder, 5);
  return taken.ok ? taken : attempt(intruder, 4); // all that some brokers know
}

function attempt(
  { host, port, serverName, authority, certificate, key, clientId }: Intruder,
  version: Version,
): Promise<Result<void, string>> {
  const { promise, resolve } = Promise.withResolvers<Result<void, string>>();
  const socket = connect({
    host,
    port,
    ca: authority,
    cert: certificate,
    key,
    checkServerIdentity: (_, peer) => (serverName === null ? undefined : checkServerIdentity(serverName, peer)),
  });
  const end = (result: Result<void, string>): void => {
    clearTimeout(late);
    resolve(result);
    socket.destroy();
  };
  const late = setTimeout(() => end(err(`no answer within ${WAIT_MS / 1000} seconds`)), WAIT_MS);
  let answer = Buffer.alloc(0);
  socket.on("secureConnect", () => socket.write(connectPacket(clientId, version)));
  socket.on("data", (bytes: Buffer) => {
    answer = Buffer.concat([answer, bytes.subarray(0, REASON_AT + 1)]);
    const reason = answer[REASON_AT];
    if (reason === undefined) return;
    if (answer[0] !== CONNACK || reason !== 0) return end(err(`the broker refuses, reason ${reason}`));
    socket.end(DISCONNECT, () => end(ok(undefined)));
  });
  socket.on("error", (error) => end(err(error.message)));
  socket.on("close", () => end(err("the connection was closed")));
  return promise;
}
