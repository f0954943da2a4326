/**
 * Logs of the runtime and of its containers: collected, rotated, kept within a size budget (reference sections 2.6, 7.6, 11).
 * A failure in here never stops PID 1: the part that failed starts again, and {@link Logs.faults} counts it.
 */
export { openLineSplitter } from "./line-splitter.ts";
export type { ContainerLogSource, LogFaults, Logger, LogPlace, Logs, LxcLogItem } from "./model.ts";
export { LEVELS, type Level, type LogConfig, type Output } from "./settings.ts";
export { type LogsOptions, startLogs } from "./start.ts";
