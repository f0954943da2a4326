import { decodeWaitStatus, type WaitStatus } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { BadRecord } from "./error.ts";

/** `lxc_state_t`, lxc src/lxc/state.h, in order of its values. */
const STATES = ["STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED"] as const;
export type LxcState = (typeof STATES)[number];

export const isLxcState = (text: string): text is LxcState => (STATES as readonly string[]).includes(text);

/** `struct lxc_msg`, lxc src/lxc/monitor.h: offsets; host byte order, the same on x86_64 and aarch64. */
export const LXC_MSG = {
  sizeBytes: 264,
  type: 0, // 4, lxc_msg_type_t
  name: 4, // 256, char[NAME_MAX + 1]
  value: 260, // 4, int
} as const;

/** What happened to a container. `exit` comes before the state STOPPED and tells how its init ended. */
export type MonitorEvent =
  | { readonly kind: "state"; readonly container: string; readonly state: LxcState }
  | { readonly kind: "exit"; readonly container: string; readonly status: WaitStatus };

/** One record of the monitor FIFO: {@link LXC_MSG} bytes, below PIPE_BUF, so that records of many containers never interleave
 *  (pipe(7)). Errors: `badRecord` on any other length, type, name or value. */
export function decodeRecord(bytes: Uint8Array): Result<MonitorEvent, BadRecord> {
  const bad = (wanted: string, found: string) => err({ kind: "badRecord", wanted, found } as const);
  if (bytes.length !== LXC_MSG.sizeBytes) return bad(`${LXC_MSG.sizeBytes} bytes`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.indexOf(0, LXC_MSG.name);
  if (end <= LXC_MSG.name || end >= LXC_MSG.value) return bad("a name of 1 to 255 bytes", "none");
  const container = Buffer.from(bytes.subarray(LXC_MSG.name, end)).toString();
  const [type, value] = [view.getInt32(LXC_MSG.type, true), view.getInt32(LXC_MSG.value, true)];
  switch (type) {
    case 0: {
      const state = STATES[value];
      return state === undefined ? bad("a state from 0 to 7", String(value)) : ok({ kind: "state", container, state });
    }
    case 2: {
      const status = decodeWaitStatus(value);
      return status === undefined
        ? bad("the wait status of an ended process", String(value))
        : ok({ kind: "exit", container, status });
    }
    default: // lxc_msg_priority (1) is in the header, but nothing ever sends it
      return bad("type 0 (state) or 2 (exit code)", `type ${type}`);
  }
}

/** Cuts a stream of bytes into records: reads may end anywhere. */
export function splitRecords(
  pending: Uint8Array,
  chunk: Uint8Array,
): { readonly records: readonly Uint8Array[]; readonly rest: Uint8Array } {
  const bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
  const count = Math.floor(bytes.length / LXC_MSG.sizeBytes);
  const records = Array.from({ length: count }, (_, at) =>
    bytes.slice(at * LXC_MSG.sizeBytes, (at + 1) * LXC_MSG.sizeBytes),
  );
  return { records, rest: bytes.slice(count * LXC_MSG.sizeBytes) };
}
