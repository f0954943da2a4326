import { expect, test } from "bun:test";
import { fewWarnings } from "../../../runtime/fleet/agent/warnings.ts";

test("a flood of warnings becomes a few, and then one a minute that says how many there were", () => {
  const said: string[] = [];
  let nowMs = 0;
  const warn = fewWarnings(
    (message) => void said.push(message.kind === "log" ? message.message : ""),
    () => nowMs,
  );
  for (nowMs = 0; nowMs < 180_000; nowMs += 10) warn(`at ${nowMs}`);
  expect(said).toHaveLength(22);
  expect(said[19]).toBe("at 190");
  expect(said[21]).toMatch(/^at 1[12]\d{4} \(59\d\d warnings before this one are left out\)$/);
});
