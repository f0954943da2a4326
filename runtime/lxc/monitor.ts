import { constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { closeFd, makeNode, openFd, type SysError, viaNode } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { MonitorError } from "./error.ts";
import { decodeRecord, type MonitorEvent, splitRecords } from "./record.ts";

/** Where liblxc, run by root, keeps what lives until the next boot (RUNTIME_PATH of its build; /run in Debian and Buildroot). */
const RUNTIME_PATH = "/run";

/** The FIFO that liblxc's container monitors write to when it exists (`lxc_monitor_fifo_name`, lxc src/lxc/monitor.c). */
export const monitorFifoPath = (lxcPath: string): string => `${RUNTIME_PATH}/lxc/${lxcPath}/monitor-fifo`;

export type MonitorHandlers = {
  onEvent(event: MonitorEvent): void;
  /** Events were lost: ask each container's state. After a `badRecord` the FIFO has been opened anew, unless it is `final`, as
   *  after a FIFO that ended or could not be opened again: then there will be no more events until {@link openMonitor}. */
  onTrouble(error: MonitorError, final: boolean): void;
};

export type Monitor = {
  /** Stops listening. The FIFO stays; without a reader liblxc does not write to it. */
  close(): void;
};

/** Listens to the state changes and exits of all containers below `lxcPath`, in the place of lxc-monitord: makes its FIFO and
 *  reads it, by events, without a process or a poll. Open it before the first container starts: nothing is kept for later. */
export function openMonitor(lxcPath: string, handlers: MonitorHandlers): Result<Monitor, SysError> {
  const path = monitorFifoPath(lxcPath);
  const opened = openFifo(path);
  if (!opened.ok) return opened;
  let stop = listen(opened.value);

  function listen(fd: number): () => void {
    const reader = Bun.file(fd).stream().getReader();
    let pending: Uint8Array = new Uint8Array();
    let done = false;
    const end = (): void => {
      if (done) return;
      done = true;
      void reader.cancel().catch(() => undefined); // it may have ended by itself
      closeFd(fd);
    };
    const pump = async (): Promise<void> => {
      for (;;) {
        const value = await next();
        if (done) return;
        if (value === undefined) {
          end();
          return handlers.onTrouble(
            { kind: "badRecord", wanted: "a FIFO that never ends", found: `the end of ${path}` },
            true,
          );
        }
        const { records, rest } = splitRecords(pending, value);
        pending = rest;
        for (const bytes of records) {
          const event = decodeRecord(bytes);
          if (done) return;
          if (event.ok) handlers.onEvent(event.value);
          else return reopen(event.error);
        }
      }
    };
    const next = async (): Promise<Uint8Array | undefined> => {
      try {
        return (await reader.read()).value;
      } catch {
        return undefined; // the descriptor is no FIFO, or was closed behind our back
      }
    };
    void pump();
    return end;
  }

  /** After a bad record nobody knows where the next one begins. Closing the last descriptor empties the pipe. */
  function reopen(cause: MonitorError): void {
    stop();
    const again = openFifo(path);
    if (again.ok) stop = listen(again.value);
    handlers.onTrouble(again.ok ? cause : again.error, !again.ok);
  }

  return ok({ close: () => stop() });
}

/** Makes the FIFO if need be. Open for reading and writing, so that it never ends when the last writer leaves (fifo(7)). */
function openFifo(path: string): Result<number, SysError> {
  const folder = viaNode("mkdir", { path: dirname(path) }, () =>
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 }),
  );
  if (!folder.ok) return folder;
  const made = makeNode(path, { type: "fifo", mode: 0o600 });
  if (!made.ok && made.error.code !== "EEXIST") return err(made.error);
  return openFd(path, constants.O_RDWR | constants.O_NONBLOCK);
}
