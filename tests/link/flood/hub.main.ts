/** A hub that does what it is called for: `hub.main.ts NAME`. Says where it is in a line of JSON, and what it saw when its stdin ends. */
import type { Socket } from "bun";
import { readRequest } from "../../../runtime/certificates/index.ts";
import type * as wire from "../../../runtime/fleet/wire/index.ts";
import { newAuthority } from "../../fleet/authority.ts";
import { must } from "../../store/world.ts";
import { EPOCH, type Malice, type MaliceName, malices, orderKey } from "./malice.ts";
import {
  CONNECT,
  clientIdOf,
  connack,
  idOf,
  idOfPublish,
  Packets,
  PINGREQ,
  PUBLISH,
  pingresp,
  puback,
  SUBSCRIBE,
  suback,
} from "./packets.ts";

const name = process.argv[2] as MaliceName;
const malice: Malice = malices[name];
const authority = newAuthority();
const { certificate: cert, key } = authority.server("127.0.0.1");
const seen = { connections: 0, messages: 0 };
/** Numbers rise over connections, as they do at a hub. */
let count = 1;

interface Device {
  readonly packets: Packets;
  id: wire.Topic["device"];
  /** What the socket has not taken yet. */
  rest: Uint8Array;
  floods: boolean;
}

function send(socket: Socket<Device>, bytes: Uint8Array): void {
  const { data } = socket;
  data.rest = data.rest.length === 0 ? bytes : Buffer.concat([data.rest, bytes]);
  flush(socket);
}

function flush(socket: Socket<Device>): void {
  const { data } = socket;
  for (;;) {
    while (data.rest.length > 0) {
      const taken = socket.write(data.rest);
      if (taken <= 0) return;
      data.rest = data.rest.subarray(taken);
    }
    if (!data.floods || malice.flood === undefined) return;
    const topic = (leaf: wire.Leaf) => ({ fleet: "lab" as wire.Topic["fleet"], device: data.id, leaf });
    data.rest = malice.flood({ topic, count });
    count += 1;
    if (malice.hangsUp === "afterOne") {
      socket.write(data.rest);
      socket.end();
      return;
    }
  }
}

function begin(socket: Socket<Device>): void {
  if (malice.first !== undefined) send(socket, malice.first);
  socket.data.floods = true;
  flush(socket);
}

const broker = Bun.listen<Device>({
  hostname: "127.0.0.1",
  port: 0,
  tls: { cert, key, ca: authority.devices, requestCert: true, rejectUnauthorized: true },
  socket: {
    open(socket) {
      seen.connections += 1;
      socket.data = { packets: new Packets(), id: "" as Device["id"], rest: new Uint8Array(), floods: false };
    },
    data(socket, bytes) {
      for (const { type, flags, body } of socket.data.packets.take(bytes)) {
        if (type === CONNECT) {
          socket.data.id = clientIdOf(body) as Device["id"];
          send(socket, connack(malice.keepaliveS));
          if (malice.hangsUp === "atOnce") socket.end();
          else if (malice.early === true) begin(socket);
        }
        if (type === SUBSCRIBE && malice.early !== true) {
          send(socket, suback(idOf(body), malice.suback ?? 1));
          begin(socket);
          if (malice.deaf === true) socket.pause();
        }
        if (type === PUBLISH) seen.messages += 1;
        if (malice.silent === true) continue;
        if (type === PUBLISH && (flags & 6) === 2) send(socket, puback(idOfPublish(body)));
        if (type === PINGREQ) send(socket, pingresp);
      }
    },
    drain: flush,
    error: () => {},
  },
});

const enrolment = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  tls: { cert, key },
  async fetch(request) {
    const { commonName, key: own } = must(readRequest(new Uint8Array(await request.arrayBuffer())));
    return Response.json({
      id: commonName,
      status: "accepted",
      fleet: "lab",
      certificate: authority.certify(commonName, own),
      mqtt: { host: "127.0.0.1", port: broker.port },
      order: { epoch: EPOCH, key: Buffer.from(orderKey).toString("base64") },
    });
  },
});

console.log(JSON.stringify({ port: enrolment.port, authority: authority.servers }));
await Bun.stdin.text();
console.log(JSON.stringify(seen));
process.exit(0);
