/** A broker that knows nothing newer than MQTT 3.1.1: a real one, behind somebody who looks at CONNECT. */
import { once } from "node:events";
import { connect, createServer, type TLSSocket } from "node:tls";
import * as v from "valibot";
import type { Authority } from "./authority.ts";
import type { Broker } from "./broker.ts";

/** How those answer who ask in MQTT 5: CONNACK of 3.1.1, CONNACK of 5, or nothing. */
export const answers = {
  "of 3.1.1": [0x20, 2, 0, 0x01],
  "of 5": [0x20, 3, 0, 0x84, 0],
  none: [],
} as const;

export interface OldBroker extends Pick<Broker, "port"> {
  /** The version in each CONNECT. */
  readonly asked: number[];
  /** From now on it knows MQTT 5, too. */
  learn(): void;
  stop(): Promise<void>;
}

const Address = v.object({ port: v.number() });
/** In CONNECT, behind its length in up to 127 bytes and the name of the protocol (section 3.1.2 of both). */
const VERSION_AT = 8;

export async function oldBroker(
  authority: Omit<Authority, "certify">,
  { port }: Pick<Broker, "port">,
  answer: keyof typeof answers = "of 3.1.1",
  at = 0,
): Promise<OldBroker> {
  const asked: number[] = [];
  const sockets = new Set<TLSSocket>();
  let knows = false;
  const { certificate: cert, key } = authority.server("localhost", "127.0.0.1");
  const server = createServer(
    { cert, key, ca: authority.devices, requestCert: true, rejectUnauthorized: true },
    (to) => {
      sockets.add(to);
      to.on("error", () => {});
      to.on("close", () => sockets.delete(to));
      to.once("data", (first: Buffer) => {
        const at = (first[1] ?? 0) < 0x80 ? VERSION_AT : VERSION_AT + 1;
        asked.push(first[at] ?? 0);
        if (first[at] === 5 && !knows) {
          to.end(Uint8Array.from(answers[answer]));
          return;
        }
        // As whoever came: the certificate says who that is.
        const own = authority.client(String(to.getPeerCertificate().subject.CN));
        const from = connect({ port, host: "localhost", ca: authority.servers, cert: own.certificate, key: own.key });
        from.on("error", () => to.destroy());
        from.on("close", () => to.destroy());
        to.on("close", () => from.destroy());
        from.write(first);
        to.pipe(from);
        from.pipe(to);
      });
    },
  );
  await once(server.listen(at, "127.0.0.1"), "listening");
  return {
    port: v.parse(Address, server.address()).port,
    asked,
    learn() {
      knows = true;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
