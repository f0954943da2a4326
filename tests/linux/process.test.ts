import { expect, test } from "bun:test";
import { decodeWaitStatus, explainWaitStatus } from "../../runtime/linux/index.ts";
import { decodeSiginfo, peekExited, reap, SIGINFO } from "../../runtime/linux/process.ts";

test.each([
  [0, { kind: "exit", code: 0 }],
  [0x0300, { kind: "exit", code: 3 }],
  [0xff00, { kind: "exit", code: 255 }],
  [9, { kind: "signal", signal: "SIGKILL", number: 9, coreDumped: false }],
  [0x8b, { kind: "signal", signal: "SIGSEGV", number: 11, coreDumped: true }],
  [40, { kind: "signal", signal: "SIG40", number: 40, coreDumped: false }],
  [0x137f, undefined], // stopped
  [0xffff, undefined], // continued
] as const)("wait status %p is decoded as wait(2) says", (status, expected) => {
  expect(decodeWaitStatus(status)).toEqual(expected as never);
});

test("a status can be said in words", () => {
  expect(explainWaitStatus({ kind: "exit", code: 3 })).toBe("exited with code 3");
  expect(explainWaitStatus({ kind: "signal", signal: "SIGSEGV", number: 11, coreDumped: true })).toBe(
    "was killed by SIGSEGV (core dumped)",
  );
});

test("a siginfo without a pid means that no child has ended", () => {
  const bytes = new Uint8Array(SIGINFO.sizeBytes);
  expect(decodeSiginfo(bytes)).toBeUndefined();
  const view = new DataView(bytes.buffer);
  view.setInt32(SIGINFO.pid, 4711, true);
  view.setInt32(SIGINFO.code, 3, true);
  view.setInt32(SIGINFO.status, 6, true);
  expect(decodeSiginfo(bytes)).toEqual({
    pid: 4711,
    status: { kind: "signal", signal: "SIGABRT", number: 6, coreDumped: true },
  });
});

test("waiting without any child is no error", () => {
  expect(peekExited().ok).toBe(true);
  expect(reap(process.pid)).toEqual({ ok: true, value: undefined });
});
