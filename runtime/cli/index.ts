/** The command line of every face: parsing, help, printing, and `cairn ctl`. */
export type { Out } from "./command.ts";
export { openDescriptor } from "./descriptor.ts";
export { openOut } from "./output.ts";
export { runCommandLine } from "./run.ts";
