/** liblxc, bound with bun:ffi: containers through its table of functions, their states and exits through its monitor FIFO.
 *  Nothing here knows of revisions. Wants liblxc 5.0 to 6.x on a 64-bit machine; {@link openLxc} proves it. */
export { type Container, type Lxc, openLxc } from "./container.ts";
export { type BadRecord, explainLxc, type LxcError, type MonitorError } from "./error.ts";
export { type Monitor, type MonitorHandlers, monitorFifoPath, openMonitor } from "./monitor.ts";
export type { LxcState, MonitorEvent } from "./record.ts";
export { type StartSpec, startContainer } from "./start.ts";
