import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeProgress,
  EVIDENCE_BYTES_MAX,
  type Evidence,
  encodeProgress,
  progressRecord,
} from "../../runtime/store/index.ts";
import { reasonCodes } from "../../runtime/update/index.ts";
import { must, revision } from "./world.ts";

const rev = revision("7");
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const written = (evidence: Evidence): string =>
  new TextDecoder("utf-8", { fatal: true }).decode(encodeProgress(progressRecord("ERROR", "x", { evidence })));
const reread = (evidence: Evidence): Evidence | null => must(decodeProgress(rev, bytes(written(evidence)))).evidence;

const full: Evidence = {
  reason: "containerFailed",
  message: "web ended with code 1",
  container: "web",
  exit: { code: 1 },
  loader: { committed: "7", trial: "locals/x", booted: null },
  at: 1_790_000_000_123,
  lines: ["first", "second"],
};

describe("the evidence of a failure", () => {
  test("is the last member of the record, and reads back", () => {
    expect(written({ reason: "goalMissed", exit: { signal: "SIGKILL" } })).toBe(
      '{"status":"ERROR","status-msg":"x","progress":100,"retries":0,"evidence":{"reason":"goalMissed","exit":{"signal":"SIGKILL"}}}',
    );
    expect(reread(full)).toEqual(full);
    for (const reason of reasonCodes) expect(reread({ reason })).toEqual({ reason });
  });

  // The original finds the first member of a name at any depth: none in the evidence may come before one of the record.
  test("has no member with a name of the record's own", () => {
    const own = ["status", "status-msg", "progress", "retries", "downloads", "logs"];
    const names = [...JSON.stringify(full).matchAll(/"([^"]+)":/g)].map(([, name]) => name);
    expect(names.filter((name) => own.includes(name ?? ""))).toEqual([]);
  });

  test("loses its oldest lines first, then the end of its message", () => {
    const lines = Array.from({ length: 100 }, (_, n) => `line ${n} ${"ä".repeat(20)}`);
    const cut = reread({ ...full, lines });
    expect(cut?.message).toBe(full.message);
    expect(cut?.lines?.length).toBeGreaterThan(20);
    expect(cut?.lines).toEqual(lines.slice(-(cut?.lines?.length ?? 0)));

    const message = "ü".repeat(3000);
    const shortened = reread({ ...full, message });
    expect(shortened).toEqual({
      ...shortened,
      reason: "containerFailed",
      container: "web",
      exit: { code: 1 },
    } as Evidence);
    expect(shortened?.lines).toBeUndefined();
    expect(shortened?.message?.length).toBeGreaterThan(800);
    expect(message.startsWith(shortened?.message ?? "?")).toBe(true);
  });

  test("a single long line is cut and leaves room for those before it", () => {
    const cut = reread({ reason: "timeout", lines: ["before", "x".repeat(10_000)] });
    expect(cut?.lines).toEqual(["before", expect.stringMatching(/^x{400,512}$/)]);
  });

  test("has at most 2048 bytes of whole characters and valid JSON, whatever is in it", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3000 }),
      fc.string({ maxLength: 3000 }),
      fc.array(fc.nat(0xffff), { maxLength: 1500 }).map((units) => String.fromCharCode(...units)),
    );
    const name = fc.option(fc.string({ maxLength: 70 }));
    const some = fc.record(
      {
        reason: fc.constantFrom(...reasonCodes),
        message: text,
        container: fc.oneof(fc.string({ maxLength: 64 }), text),
        exit: fc.oneof(fc.record({ code: fc.integer() }), fc.record({ signal: fc.string({ maxLength: 16 }) })),
        lines: fc.array(text, { maxLength: 6 }),
        loader: fc.record({ committed: name, trial: name, booted: name }),
        at: fc.nat(),
      },
      { requiredKeys: ["reason"] },
    );
    fc.assert(
      fc.property(some, (evidence) => {
        const whole = written(evidence as Evidence);
        const { evidence: member } = JSON.parse(whole);
        expect(Buffer.byteLength(JSON.stringify(member))).toBeLessThanOrEqual(EVIDENCE_BYTES_MAX);
        expect(whole.isWellFormed() && !/\\ud[89a-f]/i.test(whole)).toBe(true);
        expect(must(decodeProgress(rev, bytes(whole)))).toMatchObject({ status: "ERROR", evidence: member });
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, Evidence | null]>([
    ["null", null],
    ["7", null],
    ["[]", null],
    ['"x"', null],
    ["{}", null],
    ['{"reason":"somethingNewer","message":"x"}', null],
    [
      '{"reason":"timeout","message":7,"lines":"x","exit":{"code":"1"},"at":"now","loader":{},"new":1}',
      { reason: "timeout" },
    ],
    ['{"reason":"timeout","message":"x","lines":["a",1]}', { reason: "timeout", message: "x" }],
  ])("that another version wrote never costs the status: %s", (member, evidence) => {
    const record = must(decodeProgress(rev, bytes(`{"status":"ERROR","status-msg":"m","evidence":${member}}`)));
    expect(record).toMatchObject({ status: "ERROR", message: "m" });
    expect(record.evidence).toEqual(evidence);
  });

  test("is null in a record without any", () => {
    expect(must(decodeProgress(rev, bytes('{"status":"DONE"}'))).evidence).toBeNull();
  });
});
