/** The connection of a device to its hub: when there is one, and what an attempt waits for. */
export {
  type Link,
  type LinkEffect,
  type LinkEvent,
  type LinkSettings,
  type Mode,
  type Now,
  type Phase,
  usual,
} from "./model.ts";
export { CONNECT_BYTES, deadline, newLink, step } from "./step.ts";
