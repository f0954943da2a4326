import * as v from "valibot";
import { table } from "../table.ts";
import { failureLines, ProgressRecord } from "./progress.ts";
import { ABSENT, read, type Show } from "./tables.ts";

const Steps = v.array(
  v.object({
    name: v.string(),
    date: v.fallback(v.string(), ABSENT),
    commitmsg: v.fallback(v.string(), ""),
    progress: v.fallback(v.nullable(ProgressRecord), null), // one that was only just begun has none
  }),
);

/** `GET /steps` (reference 8.4) as a table; below a failed revision stands what is known of its failure. */
export const stepsTable: Show = (body) => {
  const steps = read(Steps, body);
  if (steps === null) return null;
  const rows = steps.map(({ name, date, commitmsg, progress }) => [
    name,
    progress?.status ?? ABSENT,
    progress?.["status-msg"] ?? ABSENT,
    date,
    commitmsg,
  ]);
  const [head = "", ...lines] = table([["NAME", "STATUS", "MESSAGE", "DATE", "COMMIT MESSAGE"], ...rows]).split("\n");
  const blocks = lines.flatMap((line, index) => {
    const progress = steps[index]?.progress;
    return progress == null ? [line] : [line, ...failureLines(progress)];
  });
  return [head, ...blocks].join("\n");
};
