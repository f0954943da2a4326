import type { Device } from "../database/index.ts";

/** A device as the API shows it; of what it reports, everything (`hub/reports`). Times are as RFC 3339 has them; the code is shown as long as it is of use. */
export const deviceView = ({ id, status, code, tags, firstMs, changedMs, askedMs, report }: Device) => ({
  id,
  status,
  ...(status === "waiting" ? { code } : {}),
  tags,
  first: timeOf(firstMs),
  changed: timeOf(changedMs),
  asked: timeOf(askedMs),
  report: report === null ? null : { at: timeOf(report.atMs), state: JSON.parse(report.text) },
});

const timeOf = (ms: number): string => new Date(ms).toISOString();
