import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHost } from "../../runtime/certificates/index.ts";
import { type FleetName, type Hub, type HubFault, type HubOptions, serveHub } from "../../runtime/hub/index.ts";
import type { Result } from "../../runtime/result.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { freePort } from "../free-port.ts";
import { unwrap } from "../signatures/signed-state.ts";
import { Lines } from "./mqtt.ts";

export interface HubWorld extends AsyncDisposable {
  readonly folder: string;
  readonly hub: Hub;
  readonly log: Lines;
  /** PEM. */
  readonly authority: string;
  readonly tokens: { readonly operator: string; readonly join: string };
  readonly mqttPort: number;
  /** Puts the hub's clock forward. */
  wait(ms: number): void;
  /** Asks over TLS, believing the hub's authority alone. */
  ask(method: string, path: string, options?: Asking): Promise<{ readonly status: number; readonly body: unknown }>;
  /** A GET by nobody in particular, for what is no JSON. */
  fetch(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Stops and starts again in the same folder. */
  restart(options?: Partial<HubOptions>): Promise<Result<Hub, HubFault>>;
}

export interface Asking {
  /** `operator` and `join` are those of the first start. */
  readonly token?: string;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A hub on ports of its own that listens on loopback. */
export async function hubWorld(
  options: Partial<HubOptions> = {},
  seed: (folder: string) => void = () => {},
): Promise<HubWorld> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-hub-"));
  seed(folder);
  const log = new Lines();
  const mqttPort = options.mqttPort ?? (await freePort());
  const host = unwrap(parseHost("127.0.0.1"));
  const loopback = (options.host ?? host).text.includes(":") ? "[::1]" : "127.0.0.1";
  const start = (more: Partial<HubOptions> = {}) =>
    serveHub(
      {
        folder,
        fleet: "lab" as FleetName,
        host,
        hosts: [host],
        port: 0,
        mqttPort,
        brokerUser: process.getuid?.() === 0 ? "root" : null,
        program: [process.execPath, join(import.meta.dir, "../../runtime/main.ts")],
        ...options,
        ...more,
      },
      { disk: realDisk, now: () => Date.now() + world.aheadMs, log: (line) => log.add(line) },
    );
  const world = { aheadMs: 0 };
  let hub = unwrap(await start());
  const { tokens } = hub;
  if (tokens === null) throw new Error("a new hub has tokens");
  const authority = readFileSync(join(folder, "authority/authority.crt"), "utf8");
  return {
    folder,
    log,
    wait: (ms) => {
      world.aheadMs += ms;
    },
    authority,
    tokens,
    mqttPort,
    get hub() {
      return hub;
    },
    async ask(method, path, { token, body, headers = {} } = {}) {
      const given = token === "operator" ? tokens.operator : token === "join" ? tokens.join : token;
      const response = await fetch(`https://${loopback}:${new URL(hub.url).port}${path}`, {
        method,
        headers: { ...headers, ...(given === undefined ? {} : { authorization: `Bearer ${given}` }) },
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : body }),
        tls: { ca: authority },
        keepalive: false,
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    fetch: (path, headers = {}) =>
      fetch(`https://${loopback}:${new URL(hub.url).port}${path}`, {
        headers,
        tls: { ca: authority },
        keepalive: false,
      }),
    async restart(options) {
      await hub.stop();
      const again = await start(options);
      if (again.ok) hub = again.value;
      return again;
    },
    async [Symbol.asyncDispose]() {
      await hub.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
