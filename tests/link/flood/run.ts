/** A device and a hub that means no good, for some seconds: what it costs each of them. Both are processes of their own. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Settings } from "../../../runtime/fleet/pipe/index.ts";
import { newStorage } from "../hub.ts";
import type { MaliceName } from "./malice.ts";

export interface Task {
  readonly settings: Omit<Settings, "kind" | "clock">;
  readonly program: readonly string[];
  readonly seconds: number;
  readonly verbose: boolean;
}

const number = v.number();
const Figures = v.object({
  /** Anonymous memory of process 1 when the link had joined, and the most of it and of the link since. */
  ownBeforeBytes: number,
  ownPeakBytes: number,
  linkPeakBytes: number,
  /** By how much a timer of process 1 was late. */
  lateMs: v.object({ middle: number, most99: number, most: number }),
  /** Of process 1: 1 is all of a processor. */
  cpuShare: number,
  /** Of the link's process. */
  starts: number,
  /** What process 1 was told beside lines for the log. */
  heard: number,
  log: v.object({ lines: number, bytes: number, last: v.string() }),
});
export type Figures = v.InferOutput<typeof Figures>;

const Seen = v.object({ connections: number, messages: number });

export const Outcome = v.object({
  ...Figures.entries,
  seen: Seen,
  /** Bytes of IP and up on the loopback of this namespace, from the start of the device on. */
  carriedBytes: number,
});
export type Outcome = v.InferOutput<typeof Outcome>;

export interface RunOptions {
  readonly malice: MaliceName;
  readonly seconds: number;
  readonly dayBytes?: number | null;
  /** What is started as the link. */
  readonly program?: readonly string[];
  readonly verbose?: boolean;
}

const sources = [process.execPath, join(import.meta.dir, "../../../runtime/main.ts"), "link"];
const main = (name: string): readonly string[] => [process.execPath, join(import.meta.dir, `${name}.main.ts`)];

/** What loopback has carried: an Ethernet header of 14 bytes is counted with each packet. */
function carried(): number {
  const [bytes = 0, packets = 0] = (/lo:\s*(.*)/.exec(readFileSync("/proc/self/net/dev", "latin1"))?.[1] ?? "")
    .split(/\s+/)
    .map(Number);
  return bytes - 14 * packets;
}

/** With packets as Ethernet has them. */
export function upLoopback(): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", "link", "set", "lo", "mtu", "1500", "up"]);
  if (exitCode !== 0) throw new Error(`ip link set lo up: ${stderr}`);
}

/** Needs a network namespace of its own, to count bytes in: `upLoopback` first. */
export async function runAgainst(options: RunOptions): Promise<Outcome> {
  const { malice, seconds, dayBytes = null, program = sources, verbose = false } = options;
  const hub = Bun.spawn([...main("hub"), malice], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const said = hub.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = async (): Promise<unknown> => {
    for (let text = ""; ; ) {
      const { value, done } = await said.read();
      text += value ?? "";
      if (done || text.includes("\n")) return JSON.parse(text);
    }
  };
  const { port, authority } = v.parse(v.object({ port: number, authority: v.string() }), await line());
  const storage = newStorage();
  const task: Task = {
    settings: {
      hub: { host: "127.0.0.1", port },
      authority,
      token: null,
      folder: join(storage, "config"),
      storage,
      reservedPercent: 0,
      mode: { kind: "always" },
      keepaliveS: 60,
      caps: { dayBytes, monthBytes: null },
      datagrams: true,
      version: "0.1.0",
    },
    program,
    seconds,
    verbose,
  };
  const before = carried();
  const device = Bun.spawn([...main("process-1"), JSON.stringify(task)], { stdout: "pipe", stderr: "inherit" });
  const figures = v.parse(Figures, JSON.parse(await device.stdout.text()));
  const carriedBytes = carried() - before;
  hub.stdin.end();
  const seen = v.parse(Seen, await line());
  rmSync(storage, { recursive: true });
  return { ...figures, seen, carriedBytes };
}
