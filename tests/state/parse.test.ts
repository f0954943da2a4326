import { expect, test } from "bun:test";
import { explainState, parseState } from "../../runtime/state/index.ts";
import { DIGEST, parsed, refusal, state } from "./samples.ts";

test("a signature counts wherever its key lies", () => {
  const signature = { "#spec": "pvs@2", protected: "eyJ9", signature: "AAAA" };
  expect(parsed({ "_sigs/a.json": signature, "x/y.json": signature, "_sigs/b": "note" }).signatures).toEqual([
    { key: "_sigs/a.json", protected: "eyJ9", signature: "AAAA" },
    { key: "x/y.json", protected: "eyJ9", signature: "AAAA" },
  ]);
});

test("a backslash in a key is an ordinary character, as in systemd's unit names", () => {
  const key = "_config/os/etc/systemd/system/dev-disk-by\\x2dlabel.mount";
  expect(parsed({ [key]: DIGEST }).entries.at(-1)?.key).toBe(key);
});

test("a key may have 1024 bytes, and a component of it 255", () => {
  const folders = ["a".repeat(255), "b".repeat(255), `${"é".repeat(127)}c`];
  const key = [...folders, "d".repeat(254), "e"].join("/");
  expect(Buffer.byteLength(key)).toBe(1024);
  expect(parsed({ [key]: DIGEST }).entries).toHaveLength(2);
});

test("no more than 100 warnings are kept", () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`c${at}/services.json`, []]));
  const kept = parsed(many).warnings;
  expect(kept).toHaveLength(100);
  expect(kept.at(-1)?.message).toBe("more warnings are left out");
});

test("sentences hold no control characters, whatever the state holds", () => {
  const nasty = "\u001b[31m\u0085\u202e\u2028";
  const members = {
    [nasty]: DIGEST,
    "x/run.json": { name: nasty, [nasty]: 1 },
    "device.json": { groups: [{ name: nasty }] },
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  expect(refusal(members).sentence).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  const broken = parseState(state({}).replace("}", `,"${nasty}":`));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  expect(broken.ok ? "" : explainState(broken.error)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
});
