/** The hub of the fleet's demo: `cairn hub serve`, as a user starts it, and a look at what it knows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { freePort } from "../../free-port.ts";
import { typed } from "../desk.ts";
import { hostArch, repository } from "../host.ts";

const Served = v.object({
  url: v.string(),
  authority: v.string(),
  tokens: v.nullable(v.object({ operator: v.string(), join: v.string() })),
});

const Device = v.object({
  id: v.string(),
  code: v.optional(v.string()),
  report: v.nullable(v.object({ at: v.string() })),
  desired: v.optional(
    v.nullable(
      v.object({
        sequence: v.number(),
        progress: v.nullable(v.object({ phase: v.string(), percent: v.number(), reason: v.nullable(v.string()) })),
      }),
    ),
  ),
});
export type FleetDevice = v.InferOutput<typeof Device>;

export interface Hub extends AsyncDisposable {
  readonly port: number;
  readonly joinToken: string;
  /** All devices, once they are as wanted. */
  when(what: string, fits: (devices: readonly FleetDevice[]) => boolean): Promise<readonly FleetDevice[]>;
  stop(): Promise<void>;
}

const WITHIN_MS = 900_000;
let tokens: v.InferOutput<typeof Served>["tokens"] = JSON.parse(process.env["CAIRN_DEMO_TOKENS"] ?? "null");

/** Commands that are run after this talk to it. */
export async function startHub(folder: string, say: (text: string) => void): Promise<Hub> {
  const ports = ["--port", String(await freePort()), "--mqtt-port", String(await freePort())];
  const words = ["hub", "serve", "--folder", "hub", "--name", "10.0.2.2", "--address", "127.0.0.1", ...ports];
  say(typed(words));
  const child = Bun.spawn([join(repository, "dist", `cairn-${hostArch()}`), ...words, "--json"], {
    cwd: await made(folder),
    stdout: "pipe",
    stderr: Bun.file(join(folder, "hub.log")),
  });
  const { value } = await child.stdout.getReader().read();
  const served = v.parse(Served, JSON.parse(new TextDecoder().decode(value)));
  tokens = served.tokens ?? tokens;
  if (tokens === null) throw new Error("a hub that had no first start");
  const port = Number(new URL(served.url).port);
  const authority = join(folder, "hub/authority/authority.crt");
  say(`it is at ${served.url}; its authority is ${served.authority}`);
  Object.assign(process.env, {
    CAIRN_DEMO_TOKENS: JSON.stringify(tokens),
    CAIRN_FLEET_ADDRESS: `https://127.0.0.1:${port}`,
    CAIRN_FLEET_AUTHORITY: authority,
    CAIRN_FLEET_TOKEN: tokens.operator,
  });
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`https://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${tokens?.operator}` },
      tls: { ca: readFileSync(authority, "utf8") },
      keepalive: false,
    });
    return response.json();
  };
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.exited;
  };
  return {
    port,
    joinToken: tokens.join,
    async when(what, fits) {
      for (const untilMs = performance.now() + WITHIN_MS; performance.now() < untilMs; await Bun.sleep(250)) {
        const { devices } = v.parse(
          v.object({ devices: v.array(v.object({ id: v.string() })) }),
          await ask("/devices"),
        );
        const shown = await Promise.all(devices.map(async ({ id }) => v.parse(Device, await ask(`/devices/${id}`))));
        if (fits(shown)) return shown;
      }
      throw new Error(`waited for ${what}: not within ${WITHIN_MS / 1000} s`);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function made(folder: string): Promise<string> {
  await Bun.$`mkdir -p ${folder}`.quiet();
  return folder;
}
