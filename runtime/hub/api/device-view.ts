import type { Device, KeptOrder } from "../database/index.ts";
import { isDuplicate } from "../registry/index.ts";

/** A device as the API shows it; of what it reports, everything (`hub/session`). Times are as RFC 3339 has them; the code is shown as long as it is of use. */
export const deviceView = ({
  id,
  status,
  code,
  tags,
  firstMs,
  changedMs,
  askedMs,
  report,
  presence,
  falls,
}: Device) => ({
  id,
  status,
  ...(status === "waiting" ? { code } : {}),
  tags,
  first: timeOf(firstMs),
  changed: timeOf(changedMs),
  asked: timeOf(askedMs),
  report: report === null ? null : { at: timeOf(report.atMs), state: JSON.parse(report.text) },
  duplicate: isDuplicate({ falls, report }),
  presence: presence === null ? null : { at: timeOf(presence.atMs), is: presence.is },
});

/** What a device is to run, and how far it has come. `published`: when the broker took it; `taken`: when the device first spoke of it. */
export const orderView = (order: KeptOrder | null) =>
  order === null
    ? null
    : {
        sequence: order.sequence,
        rev: order.rev,
        revision: order.revision,
        release: order.release,
        at: timeOf(order.atMs),
        published: timeOrNull(order.publishedMs),
        taken: timeOrNull(order.takenMs),
        progress:
          order.progress === null
            ? null
            : {
                phase: order.progress.phase,
                percent: order.progress.percent,
                reason: order.progress.reason,
                at: timeOf(order.progress.atMs),
              },
      };

export const timeOf = (ms: number): string => new Date(ms).toISOString();
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeOf(ms));
