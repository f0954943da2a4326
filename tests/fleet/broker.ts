/** A real Mosquitto on loopback that takes clients of one authority, each under the name in its certificate. */

import { mkdirSync, writeFileSync } from "node:fs";
import { tlsText } from "../../runtime/hub/broker/index.ts";
import { freePort } from "../free-port.ts";
import { emptyFolder } from "../store/world.ts";
import type { Authority } from "./authority.ts";

export interface Broker {
  readonly port: number;
  /** What it logged so far. */
  log(): string;
  stop(): Promise<void>;
  /** Begins again on the same port and with what it remembers. */
  start(): Promise<void>;
}

/** `more`: lines of mosquitto.conf(5). */
export async function startBroker(authority: Authority, more: readonly string[] = []): Promise<Broker> {
  const folder = emptyFolder();
  const port = await freePort();
  const server = authority.server("localhost", "127.0.0.1");
  mkdirSync(`${folder}/data`);
  const files = { "ca.pem": authority.devices, "server.pem": server.certificate, "server.key": server.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
  const lines = [
    `user ${process.env["USER"] ?? "root"}`,
    "persistence true",
    `persistence_location ${folder}/data/`,
    `listener ${port} 127.0.0.1`,
    `cafile ${folder}/ca.pem`,
    `certfile ${folder}/server.pem`,
    `keyfile ${folder}/server.key`,
    "tls_version tlsv1.3",
    "require_certificate true",
    "use_identity_as_username true",
    ...more,
  ];
  writeFileSync(`${folder}/mosquitto.conf`, `${lines.join("\n")}\n`);
  writeFileSync(`${folder}/openssl.cnf`, tlsText());
  let text = "";
  let child: Bun.Subprocess<"ignore", "ignore", "pipe"> | null = null;
  const start = async (): Promise<void> => {
    const started = Bun.spawn(["mosquitto", "-v", "-c", `${folder}/mosquitto.conf`], {
      env: { ...process.env, OPENSSL_CONF: `${folder}/openssl.cnf` },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    child = started;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const before = text.length;
    (async () => {
      for await (const bytes of started.stderr.pipeThrough(new TextDecoderStream())) {
        text += bytes;
        if (/mosquitto version \S+ running/.test(text.slice(before))) resolve();
      }
      reject(new Error(`mosquitto ended: ${text}`));
    })();
    await promise;
  };
  await start();
  return {
    port,
    log: () => text,
    start,
    async stop() {
      // Mosquitto forgets a signal that comes in its first moments.
      while (child !== null && child.exitCode === null && child.signalCode === null) {
        child.kill();
        await Promise.race([child.exited, Bun.sleep(100)]);
      }
    },
  };
}
