/** TCP as a link needs it that pays for each byte: how much may come unread is bounded from the first packet on, and all that comes is counted. */
export { type Dial, dial } from "./dial.ts";
export type { WayOptions } from "./way.ts";
