/** RFC 9110 section 14. */
import { expect, test } from "bun:test";
import { rangeOf } from "../../../runtime/hub/api/range.ts";

test.each([
  ["bytes=0-499", { from: 0, bytes: 500 }],
  ["bytes=500-999", { from: 500, bytes: 500 }],
  ["bytes=999-999", { from: 999, bytes: 1 }],
  ["bytes=500-", { from: 500, bytes: 500 }],
  ["bytes=-200", { from: 800, bytes: 200 }],
  ["bytes=-5000", { from: 0, bytes: 1000 }],
  ["bytes=900-5000", { from: 900, bytes: 100 }],
  [" bytes=0-0 ", { from: 0, bytes: 1 }],
  ["bytes=1000-", "unsatisfiable"],
  ["bytes=1000-1001", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
] as const)("%s of 1000 bytes", (header, wanted) => {
  expect(rangeOf(header, 1000)).toEqual(wanted);
});

test.each([
  null,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=5-4",
  "bytes=0-1,5-6",
  "items=0-4",
  "bytes=a-b",
  "bytes=0x1-2",
  "bytes=1e1-",
  `bytes=${"9".repeat(16)}-`,
])("%j is passed over", (header) => {
  expect(rangeOf(header, 1000)).toBeNull();
});

test("nothing of an empty file can be had in part", () => {
  for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1"]) expect(rangeOf(header, 0)).toBe("unsatisfiable");
});
