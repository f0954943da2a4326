/** What the device runtime and its link say to each other: lines of JSON over the link's stdin and stdout. */

export { allowance } from "./allowance.ts";
export { LINE_BYTES_MAX, type LineFault, LOG_LINES_BYTES_MAX, readLine, writtenLine } from "./line.ts";
export { BadLine, lines } from "./lines.ts";
export {
  type Clock,
  type Command,
  type CommandResult,
  type Fetch,
  FromLink,
  type Progress,
  type Settings,
  type State,
  ToLink,
  warning,
} from "./messages.ts";
