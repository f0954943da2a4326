import { expect, test } from "bun:test";
import { failuresOf, tallyOf } from "../junit.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="1" failures="2" skipped="1" time="0.1">
  <testsuite name="a" file="a.test.ts" tests="4" failures="2" skipped="1">
    <testcase name="b &lt; c" classname="a" time="0.1" file="a.test.ts" line="2" assertions="1">
      <failure type="AssertionError" message="expect(received).toBe(expected)&#10;&#10;Expected: 2&#10;">long text</failure>
    </testcase>
    <testcase name="fine" classname="a" time="0.1" file="a.test.ts" line="3" assertions="0" />
    <testcase name="slow" classname="a" time="0.1" file="a.test.ts" line="4" assertions="0">
      <failure type="TimeoutError" message="test timed out" />
    </testcase>
    <testcase name="left out" classname="a" time="0" file="a.test.ts" line="5" assertions="0">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`;

test("each failed and skipped test is told with its file, its name and its reason", () => {
  expect(failuresOf(report)).toEqual([
    "a.test.ts:2 a > b < c\nexpect(received).toBe(expected)\n\nExpected: 2",
    "a.test.ts:4 a > slow\ntest timed out",
    "a.test.ts:5 a > left out\nskipped",
  ]);
});

test("a skipped test counts as failed, and a report without tests is no verdict", () => {
  expect(tallyOf(report)).toEqual({ passed: 1, failed: 3 });
  expect(tallyOf("")).toBeNull();
  expect(tallyOf('<testsuites name="bun test" tests="0" failures="0"></testsuites>')).toBeNull();
});
