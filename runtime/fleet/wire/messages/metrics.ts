import { dictionary, integer, text, type ValueOf } from "../codec.ts";
import { limits } from "../limits.ts";
import { message } from "../message.ts";

/** u/m: numbers by name, those that changed. */
const metrics = dictionary(
  text(limits.metricNameBytesMax, 1),
  integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  limits.metricsMax,
);

export type Metrics = ValueOf<typeof metrics>;
export const { encode: encodeMetrics, decode: decodeMetrics } = message("u/m", metrics);
