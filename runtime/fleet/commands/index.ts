/** What the hub orders a device to do, once: taken only with the hub's signature, in time, and with a higher id than any before. */
export { type Commands, type CommandsPorts, openCommands } from "./commands.ts";
