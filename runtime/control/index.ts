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
  PowerAction,
  PowerAnswer,
  RequestRefusal,
} from "./device.ts";
export { explainListenError, type ListenError, type Listener, type ListenOptions, listen } from "./listen.ts";
export type { Caller, ControlRequest, ControlResponse } from "./message.ts";
export { respond } from "./respond.ts";
