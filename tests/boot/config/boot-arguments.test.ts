import { expect, test } from "bun:test";
import { explainConfigWarning, parseBootArguments, resolveConfig } from "../../../runtime/boot/config/index.ts";

test.each([
  ["console=ttyS0 pv_rev=7 pv_try= panic=2", { rev: "7", tryRev: null, verityOff: false }],
  ["pv_try=8 pv_rev=8 pv_verityoff", { rev: "8", tryRev: "8", verityOff: true }],
  ["pv_rev=locals/test-1.2", { rev: "locals/test-1.2", tryRev: null, verityOff: false }],
  ["pv_rev=locals/a+b:c@d", { rev: "locals/a+b:c@d", tryRev: null, verityOff: false }],
  ["pv_rev=1 pv_rev=2\n", { rev: "2", tryRev: null, verityOff: false }],
  ['pv_rev="3" foo="pv_rev=4 x"', { rev: "3", tryRev: null, verityOff: false }],
  ["", { rev: null, tryRev: null, verityOff: false }],
])("%j", (line, value) => {
  expect(parseBootArguments(line)).toEqual({ value, warnings: [] });
});

test.each(["../7", "/etc", "a/b", "locals/../x", "locals/", ".pv", "x".repeat(200)])(
  "the revision %s is refused with a warning",
  (found) => {
    const { value, warnings } = parseBootArguments(`pv_rev=${found}`);
    expect(value.rev).toBeNull();
    expect(warnings.map((w) => w.kind)).toEqual(["badArgument"]);
  },
);

test("pv_quickboot is ignored with a warning: integrity is checked at every boot", () => {
  const { warnings } = parseBootArguments("pv_quickboot");
  expect(warnings.map(explainConfigWarning)).toEqual([
    "kernel command line, pv_quickboot: ignored, objects are checked at every boot",
  ]);
});

test("boot arguments are not taken for configuration", () => {
  expect(resolveConfig({ commandLine: "pv_rev=7 pv_try=8 pv_quickboot pv_verityoff" }).warnings).toEqual([]);
});
