/** What operators order devices to do: kept, signed, handed to the broker until it has it, and answered by the device. */
export {
  type CommandFault,
  type Commands,
  type CommandsPorts,
  explainCommand,
  openCommands,
} from "./commands.ts";
export { type CommandState, type CommandWish, stateOf } from "./wish.ts";
