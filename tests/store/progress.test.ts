import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import {
  decodeProgress,
  encodeProgress,
  explainStore,
  openStore,
  type Progress,
  type ProgressStatus,
  progressRecord,
  readProgress,
  realDisk,
  writeProgress,
} from "../../runtime/store/index.ts";
import { emptyFolder, must, mustFail, read, removeFolders, revision } from "./world.ts";

afterEach(removeFolders);

const rev = revision("7");
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const written = (progress: Progress): string => new TextDecoder().decode(encodeProgress(progress));

describe("a progress record", () => {
  test("is written as the original writes it", () => {
    expect(written(progressRecord("DONE", "Factory revision"))).toBe(
      '{"status":"DONE","status-msg":"Factory revision","progress":100,"retries":0}',
    );
    const downloads = { totalBytes: 1000, downloadedBytes: 400, startTime: 5, currentTime: 9 };
    expect(written(progressRecord("DOWNLOADING", "Retry", { retries: 1, downloads, logs: "{}\n" }))).toBe(
      '{"status":"DOWNLOADING","status-msg":"Retry","progress":25,"retries":1,"downloads":{"total":{"object_name":"total",' +
        '"object_id":"none","total_size":1000,"total_downloaded":400,"start_time":5,"current_time":9}},"logs":"{}\\n"}',
    );
  });

  test("reads back what was written", () => {
    const count = fc.nat(2 ** 31);
    const record = fc.record({
      status: fc.constantFrom<ProgressStatus>("NEW", "DOWNLOADING", "TESTING", "UPDATED", "WONTGO", "ERROR"),
      message: fc.string(),
      retries: count,
      downloads: fc.option(
        fc.record({ totalBytes: count, downloadedBytes: count, startTime: count, currentTime: count }),
      ),
      logs: fc.option(fc.string({ minLength: 1 })),
    });
    fc.assert(
      fc.property(record, ({ status, message, ...rest }) => {
        const progress = progressRecord(status, message, rest);
        expect(must(decodeProgress(rev, encodeProgress(progress)))).toEqual(progress);
      }),
    );
  });

  test.each([
    [
      '{"status":"DONE"}',
      { status: "DONE", message: "", percent: 0, retries: 0, downloads: null, logs: null, evidence: null },
    ],
    [
      '{ "progress": "100", "status": "ERROR", "status-msg": null, "retries": "2", "new": 1 }',
      { status: "ERROR", message: "", percent: 100, retries: 2 },
    ],
    [
      '{"status":"SYNCING","progress":-1,"downloads":{"total":"?"}}',
      { status: "SYNCING", percent: 0, downloads: null },
    ],
  ])("reads what other tools write: %s", (text, wanted) => {
    expect(must(decodeProgress(rev, bytes(text)))).toMatchObject(wanted);
  });

  test.each(["", "{}", "[]", "null", '{"status":"done"}', '{"status":1}', '{"status":"DONE"', "\u0000"])(
    "without a status it knows says nothing: %p",
    (text) => {
      const error = mustFail(decodeProgress(rev, bytes(text)));
      expect(error).toMatchObject({ kind: "badProgress", rev: "7" });
      expect(explainStore(error)).toContain("revision 7");
    },
  );

  test("never throws, whatever the bytes", () => {
    fc.assert(fc.property(fc.uint8Array(), (any) => typeof decodeProgress(rev, any).ok === "boolean"));
    fc.assert(fc.property(fc.json(), (text) => typeof decodeProgress(rev, bytes(text)).ok === "boolean"));
  });

  test("keeps at most 4096 bytes of logs, in whole lines, the first ones", () => {
    const line = `{"msg":"${"ä".repeat(100)}"}\n`;
    const kept = must(
      decodeProgress(rev, encodeProgress(progressRecord("ERROR", "", { logs: line.repeat(100) }))),
    ).logs;
    expect(kept).toBe(line.repeat(Math.floor(4096 / Buffer.byteLength(line))));
  });
});

describe("a revision's progress", () => {
  test("is null before the first, then what was last written", async () => {
    const store = openStore(realDisk, emptyFolder());
    expect(must(await readProgress(store, rev))).toBeNull();
    must(await writeProgress(store, rev, progressRecord("NEW", "")));
    must(await writeProgress(store, rev, progressRecord("QUEUED", "Retried 1 of 3", { retries: 1 })));
    expect(must(await readProgress(store, rev))).toMatchObject({ status: "QUEUED", percent: 5, retries: 1 });
    expect(read(store.root, "trails/7/.pv/progress")).toContain('"status":"QUEUED"');
  });

  test("that is absurdly large is refused unread", async () => {
    const store = openStore(realDisk, emptyFolder());
    mkdirSync(`${store.root}/trails/7/.pv`, { recursive: true });
    writeFileSync(`${store.root}/trails/7/.pv/progress`, " ".repeat(1 << 20));
    expect(mustFail(await readProgress(store, rev)).kind).toBe("badProgress");
  });
});
