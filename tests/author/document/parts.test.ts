import { describe, expect, test } from "bun:test";
import {
  belongsTo,
  explainParts,
  mergeParts,
  onlyParts,
  parseFragment,
  partsOf,
  type Revision,
  readRevision,
  replaceParts,
  revisionText,
  type Selection,
} from "../../../runtime/author/document/index.ts";

const SPEC = "pantavisor-service-system@1";
const sha = (digit: string): string => digit.repeat(64);

function revision(files: Readonly<Record<string, unknown>>, spec = SPEC): Revision {
  const read = readRevision(JSON.stringify({ "#spec": spec, ...files }));
  if (!read.ok) throw new Error(read.error.problem);
  return read.value;
}

function fragment(text: string): Selection {
  const parsed = parseFragment(text);
  if (!parsed.ok) throw new Error(explainParts(parsed.error));
  return parsed.value;
}

const files = (result: ReturnType<typeof replaceParts>): unknown => {
  if (!result.ok) return result.error;
  const { "#spec": spec, ...rest } = JSON.parse(revisionText(result.value));
  return spec === SPEC ? rest : { spec, ...rest };
};

test.each([
  ["a,b,-c", ["a", "b"], ["c"]],
  ["web", ["web"], []],
  ["web/", ["web"], []],
  ["web%2Frun.json", ["web/run.json"], []],
  ["a%2Cb,%2Dc", ["a,b", "-c"], []],
  ["bsp,#spec", ["bsp", "#spec"], []],
  ["-c", [], ["c"]],
])("#%s takes and drops parts", (text, take, drop) => expect(fragment(text)).toEqual({ take, drop }));

test.each(["", "a,,b", "-", "%", "a%zz", "/"])("#%s is refused", (text) => expect(parseFragment(text).ok).toBe(false));

describe("a part is named by whole path components", () => {
  test.each([
    ["app", "app/run.json", true],
    ["app", "app", true],
    ["app", "app2/run.json", false],
    ["app", "_config/app/etc/motd", true],
    ["app", "_config/app2/etc/motd", false],
    ["app", "_sigs/app.json", true],
    ["app", "_sigs/app2.json", false],
    ["device.json", "device.json", true],
    ["app/run.json", "app/run.json", true],
    ["app/run.json", "app/src.json", false],
    ["_config/app", "_config/app/etc/motd", true],
    ["_config/app", "app/run.json", false],
    ["_sigs", "_sigs/app.json", true],
  ])("%s has %s: %s", (part, key, belongs) => expect(belongsTo(key, part)).toBe(belongs));

  test("the parts of a state are its folders, with what is said of them elsewhere", () => {
    const state = revision({ "b/x": sha("1"), "_sigs/a.json": {}, "_config/c/x": sha("2"), "device.json": {} });
    expect(partsOf(state)).toEqual(["a", "b", "c", "device.json"]);
  });
});

describe("get", () => {
  const target = revision({
    "app/run.json": { name: "app", old: true },
    "app/gone": sha("1"),
    "app2/run.json": { name: "app2" },
    "_sigs/app.json": { old: true },
    "other/x": sha("2"),
  });
  const source = revision(
    { "app/run.json": { name: "app" }, "_config/app/motd": sha("3"), "app3/x": sha("4") },
    "other@1",
  );

  test("replaces the whole part, its neighbours with longer names stay", () => {
    expect(files(replaceParts(target, source, fragment("app")))).toEqual({
      "app/run.json": { name: "app" },
      "_config/app/motd": sha("3"),
      "app2/run.json": { name: "app2" },
      "other/x": sha("2"),
    });
  });

  test("drops a part of the target, and does not take it from the source", () => {
    expect(files(replaceParts(target, source, fragment("app,app3,-other,-app3")))).toEqual({
      "app/run.json": { name: "app" },
      "_config/app/motd": sha("3"),
      "app2/run.json": { name: "app2" },
    });
  });

  test("without a fragment takes everything, #spec too; with one only if it is named", () => {
    expect(files(replaceParts(target, source, { take: [], drop: [] }))).toMatchObject({ spec: "other@1" });
    expect(files(replaceParts(target, source, fragment("app,#spec")))).toMatchObject({ spec: "other@1" });
  });

  test("with only parts to drop takes the rest", () => {
    expect(files(replaceParts(target, source, fragment("-app")))).toEqual({ spec: "other@1", "app3/x": sha("4") });
  });

  test("a part that is not there is an error that says which are", () => {
    const replaced = replaceParts(target, source, fragment("ap"));
    expect(replaced.ok ? null : replaced.error).toEqual({ kind: "noPart", part: "ap", there: ["app", "app3"] });
    if (!replaced.ok && replaced.error.kind === "noPart") {
      expect(explainParts(replaced.error)).toBe("there is no part ap: it has app, app3");
    }
  });

  test("a file cannot come where a folder is", () => {
    const replaced = replaceParts(
      revision({ "app/x/y": sha("1") }),
      revision({ "app/x": sha("2") }),
      fragment("app/x"),
    );
    expect(replaced.ok).toBe(true); // the part is replaced whole
    const clash = replaceParts(revision({ "a/x/y": sha("1") }), revision({ a: sha("2") }), fragment("a"));
    expect(clash.ok).toBe(true);
    const merged = mergeParts(revision({ "a/x": sha("1") }), revision({ a: sha("2") }), fragment("a"));
    expect(merged.ok).toBe(false);
  });
});

describe("merge", () => {
  test("members of inline JSON are merged one by one, objects replaced", () => {
    const target = revision({
      "app/run.json": { name: "app", a: { b: 1, c: 2 } },
      "app/x": sha("1"),
      "app/y": sha("5"),
    });
    const source = revision({ "app/run.json": { a: { c: null, d: 3 } }, "app/x": sha("2"), "zzz/x": sha("3") });
    expect(files(mergeParts(target, source, fragment("app")))).toEqual({
      "app/run.json": { name: "app", a: { b: 1, d: 3 } },
      "app/x": sha("2"),
      "app/y": sha("5"),
    });
  });

  test("everything without a fragment", () => {
    expect(files(mergeParts(revision({ a: sha("1") }), revision({ b: sha("2") }), { take: [], drop: [] }))).toEqual({
      a: sha("1"),
      b: sha("2"),
    });
  });
});

test("an export of parts has #spec, and their configuration and signatures", () => {
  const source = revision({
    "a/x": sha("1"),
    "b/x": sha("2"),
    "_config/a/m": sha("3"),
    "_sigs/a.json": {},
    "_sigs/b.json": {},
  });
  expect(files(onlyParts(source, ["a"]))).toEqual({ "a/x": sha("1"), "_config/a/m": sha("3"), "_sigs/a.json": {} });
});
