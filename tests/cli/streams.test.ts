/** What needs the program's own streams. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { openOut } from "../../runtime/cli/index.ts";
import { sha } from "./archives.ts";
import { deviceOf, fakeControl } from "./fake-control.ts";

const main = join(import.meta.dir, "../../runtime/main.ts");
const spawn = (stdin: Blob | "ignore", ...words: string[]) =>
  Bun.spawn([process.execPath, main, "ctl", ...words], { stdin, stdout: "pipe", stderr: "pipe" });

test("a value and an object may come on stdin; a value that is too long is not sent", async () => {
  const bodies = new Map<string, string>();
  await using control = await fakeControl({
    answer: ({ path, body }) => {
      bodies.set(path, body.toString());
      return { status: 200 };
    },
  });
  const at = ["-s", control.socket];
  const saved = spawn(new Blob(["from a pipe\n"]), ...at, "usrmeta", "save", "a");
  const stored = spawn(new Blob(["an object"]), ...at, "objects", "put", sha("an object"));
  const long = spawn(new Blob(["x".repeat(4097)]), ...at, "usrmeta", "save", "b");
  expect(await Promise.all([saved.exited, stored.exited, long.exited])).toEqual([0, 0, 2]);
  expect([...bodies].sort()).toEqual([
    [`/objects/${sha("an object")}`, "an object"],
    ["/user-meta/a", "from a pipe\n"],
  ]);
});

test("an object larger than memory may be is sent in pieces", async () => {
  const sizeBytes = 256 << 20;
  const piece = Buffer.alloc(1 << 20, "piece ");
  const hasher = new Bun.CryptoHasher("sha256");
  for (let at = 0; at < sizeBytes; at += piece.length) hasher.update(piece);
  const digest = hasher.digest("hex");
  let received = 0;
  await using control = await fakeControl(deviceOf().behaviour);
  using sink = Bun.listen<undefined>({
    unix: join(control.folder, "sink"),
    socket: {
      data(from, bytes) {
        received += bytes.length;
        if (received > sizeBytes) from.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      },
    },
  });
  const archive = join(control.folder, "large");
  const writer = Bun.file(archive).writer();
  for (let at = 0; at < sizeBytes; at += piece.length) await writer.write(piece);
  await writer.end();
  // Its own peak: what wait4(2) tells of a child begins with the peak of its parent.
  const script = `
    const { cairn } = await import(${JSON.stringify(join(import.meta.dir, "run-command.ts"))});
    const { exit } = await cairn(${["ctl", "-s", sink.unix, "objects", "put", archive, digest].map((word) => JSON.stringify(word)).join(", ")});
    const status = await Bun.file("/proc/self/status").text();
    console.log(exit, /VmHWM:\\s+(\\d+)/.exec(status)[1]);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const [exit, peakKib] = (await child.stdout.text()).trim().split(" ").map(Number);
  expect(exit).toBe(0);
  expect(received).toBeGreaterThan(sizeBytes);
  expect(peakKib).toBeLessThan(160 * 1024);
});

test("a line of progress is written over on a terminal, and gone before anything else is said", () => {
  const written: string[] = [];
  const sink = (prefix: string, columns: number | null) => ({
    write: (content: string | Uint8Array) => void written.push(`${prefix}${content}`),
    columns: () => columns,
  });
  const out = openOut(sink("", 12), sink("err ", 12));
  out.progress?.("object 1 of 12, 4 MiB");
  out.progress?.("object 2");
  out.print("done");
  out.complain("no");
  expect(written).toEqual(["\r\u001b[Kobject 1 of", "\r\u001b[Kobject 2", "\r\u001b[K", "done\n", "err no\n"]);
  expect(openOut(sink("", null), sink("", 12)).progress).toBeNull();
});
