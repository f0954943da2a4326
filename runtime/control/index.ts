/**
 * The pv-ctrl HTTP API on Unix sockets (reference section 8): one socket for the host and one for each container, so that the socket
 * says who is calling. {@link respond} decides; {@link listen} carries bytes and lets no client hold the runtime.
 */
export type {
  Backoff,
  ConfigView,
  ContainerAction,
  ContainerStatus,
  ContainerView,
  Device,
  GroupView,
  RequestRefusal,
} from "./device.ts";
export { explainListenError, type ListenError, type Listener, type ListenOptions, listen } from "./listen.ts";
export type { ByteStream, Caller, Chunks, ControlRequest, ControlResponse } from "./message.ts";
export {
  type Answer,
  type CommandAnswer,
  type Commands,
  type Metadata,
  type MetadataKind,
  type Objects,
  type ObjectView,
  type Operation,
  oneAtATime,
  type PowerAction,
  type PowerAnswer,
  type Refusal,
  type RefusalStatus,
  type Steps,
  type StepView,
  type Storage,
} from "./ports.ts";
export { respond } from "./respond.ts";
export { openTransfers, type Transfers } from "./transfers.ts";
