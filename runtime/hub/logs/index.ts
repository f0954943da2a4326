/** Log lines that devices sent, on request or as evidence of a failure: a bounded number of batches each. */
export { type KeptLogs, type Logs, type LogsPorts, openLogs } from "./logs.ts";
