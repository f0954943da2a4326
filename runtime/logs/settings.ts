/** Levels of `PV_LOG_LEVEL`, in this order from 0: a higher number says more (reference 10.2). */
export const LEVELS = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"] as const;
export type Level = (typeof LEVELS)[number];

/** Outputs of `PV_LOG_SERVER_OUTPUTS` (reference 11.2). */
export type Output =
  | "nullsink"
  | "singlefile"
  | "filetree"
  | "stdout"
  | "stdout.containers"
  | "stdout.pantavisor"
  | "stdout_direct";

/** The keys of the configuration that have an effect here (reference 10.2), with the types that `boot/config` gives them. */
export interface LogConfig {
  /** Lines of a level above this index of {@link LEVELS} are not made. */
  readonly PV_LOG_LEVEL: number;
  readonly PV_LOG_SERVER_OUTPUTS: readonly Output[];
  /** Anything of containers at all. */
  readonly PV_LOG_CAPTURE: boolean;
  /** Kernel messages, into `pantavisor/dmesg`. */
  readonly PV_LOG_CAPTURE_DMESG: boolean;
  /** Follow log files inside containers. */
  readonly PV_LOG_LOGGERS: boolean;
  /** `tsec` counts seconds from the boot, or from 1970. */
  readonly PV_LOG_TIMESTAMP: "relative" | "absolute";
  /** Budget of the whole log folder; null is 10 % of its partition, 100 % of a tmpfs. */
  readonly PV_LOG_DIR_MAXSIZE:
    | { readonly kind: "bytes"; readonly bytes: number }
    | { readonly kind: "percent"; readonly percent: number }
    | null;
  /** gap = budget / factor. */
  readonly PV_LOG_HYSTERESIS_FACTOR: number;
  /** A file is rotated at gap / factor. */
  readonly PV_LOG_ROTATE_FACTOR: number;
  /** `lxc.log.level`, from 0 (TRACE) to 8 (FATAL), whatever a container's own configuration asks for. */
  readonly PV_LXC_LOG_LEVEL: number;
  /** Lines kept in memory until storage is there. */
  readonly PV_LOG_BUF_NITEMS: number;
}
