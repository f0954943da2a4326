import type { LogConfig } from "../../runtime/logs/index.ts";

/** The configuration's defaults, with what a test wants otherwise. */
export const config = (changes: Partial<LogConfig> = {}): LogConfig => ({
  PV_LOG_LEVEL: 3,
  PV_LOG_SERVER_OUTPUTS: ["filetree"],
  PV_LOG_CAPTURE: true,
  PV_LOG_CAPTURE_DMESG: false,
  PV_LOG_LOGGERS: true,
  PV_LOG_TIMESTAMP: "relative",
  PV_LOG_DIR_MAXSIZE: null,
  PV_LOG_HYSTERESIS_FACTOR: 4,
  PV_LOG_ROTATE_FACTOR: 5,
  PV_LXC_LOG_LEVEL: 5,
  PV_LOG_BUF_NITEMS: 128,
  ...changes,
});
