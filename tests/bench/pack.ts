/**
 * Packing a tree against plain mkfs.erofs and mksquashfs of the same tree, and importing an image of 200 MB (time, peak memory) against
 * `umoci unpack` and mksquashfs. Figures only, never pass or fail. As root: umoci and the plain tools keep owners only then.
 *
 *   bun tests/bench/pack.ts [MB of the image, default 200]
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const MB = 1_000_000;
const imageMb = Number(process.argv[2] ?? 200);
const program = [process.execPath, resolve(import.meta.dir, "../../runtime/main.ts")];
const top = mkdtempSync(join(tmpdir(), "pack-bench-"));

/** Milliseconds, and KiB at the peak of the largest single process, as wait4(2) has it. */
async function run(...words: string[]): Promise<{ ms: number; peakKib: number }> {
  const startedMs = performance.now();
  const child = Bun.spawn(words, { stdout: "ignore", stderr: "pipe", cwd: top });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}\n${said}`);
  return { ms: performance.now() - startedMs, peakKib: (child.resourceUsage()?.maxRSS ?? 0) / 1024 };
}

/** Peak of our own process without its children: its VmHWM while it runs. */
async function ours(...words: string[]): Promise<{ ms: number; peakKib: number }> {
  const startedMs = performance.now();
  const child = Bun.spawn([...program, ...words], { stdout: "ignore", stderr: "pipe", cwd: top });
  let peakKib = 0;
  const timer = setInterval(async () => {
    const status = await Bun.file(`/proc/${child.pid}/status`)
      .text()
      .catch(() => "");
    peakKib = Math.max(peakKib, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
  }, 20);
  const said = await new Response(child.stderr).text();
  const exit = await child.exited;
  clearInterval(timer);
  if (exit !== 0) throw new Error(`${words.join(" ")}\n${said}`);
  return { ms: performance.now() - startedMs, peakKib };
}

/** Text that compresses about as a root file system does, in files from a few bytes to some megabytes. */
function makeTree(folder: string, megabytes: number): number {
  const words = Array.from({ length: 300 }, (_, n) => Bun.hash(String(n)).toString(36));
  let [seed, files] = [1, 0];
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let bytes = 0; bytes < megabytes * MB; files++) {
    const length = Math.min(4 * MB, Math.floor(200 * 2 ** (next(1600) / 100)));
    const at = join(folder, `d${files % 97}`);
    if (files < 97) mkdirSync(at);
    const parts: string[] = [];
    for (let made = 0; made < length; ) {
      const part = next(6) === 0 ? next(2 ** 32).toString(16) : (words[next(300)] ?? "");
      parts.push(part);
      made += part.length + 1;
    }
    writeFileSync(join(at, `f${files}`), parts.join(" "));
    bytes += length;
  }
  return files;
}

/** xz, the default, takes minutes with either tool, and says nothing of us. */
const gzip = (format: string): readonly string[] => (format === "squashfs" ? ["--compression", "gzip"] : []);

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const ratio = (a: number, b: number): string => (a / b).toFixed(2);
const size = (name: string): number => statSync(join(top, name)).size;
const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;

try {
  const tree = join(top, "rootfs");
  mkdirSync(tree);
  const files = makeTree(tree, imageMb);
  console.log(`tree of ${imageMb} MB in ${files} files`);
  await run("sh", "-c", "cat rootfs/*/* > /dev/null"); // everybody finds it in the page cache
  const plain = {
    erofs: await run("mkfs.erofs", "-zlz4hc", "-T0", "plain.erofs", "rootfs"),
    squashfs: await run(
      "mksquashfs",
      "rootfs",
      "plain.squashfs",
      "-comp",
      "gzip",
      "-all-time",
      "0",
      "-no-progress",
      "-quiet",
    ),
  };
  for (const format of ["erofs", "squashfs"] as const) {
    const packed = await ours("pack", "rootfs", "-o", `ours.${format}`, ...gzip(format));
    const [mine, theirs] = [size(`ours.${format}`), size(`plain.${format}`)];
    console.log(
      `pack ${format}: ${seconds(packed.ms)}, plain tool ${seconds(plain[format].ms)}, ratio ${ratio(packed.ms, plain[format].ms)}; ` +
        `${mb(mine)}, plain ${mb(theirs)}, ratio ${ratio(mine, theirs)}; peak memory ${(packed.peakKib / 1024).toFixed(0)} MiB`,
    );
  }
  await run("umoci", "init", "--layout", "oci");
  await run("umoci", "new", "--image", "oci:app");
  await run("umoci", "unpack", "--image", "oci:app", "bundle");
  await run("sh", "-c", "cp -a rootfs/. bundle/rootfs/ && umoci repack --image oci:app bundle && rm -rf bundle");
  const theirs = await run(
    "sh",
    "-c",
    "umoci unpack --image oci:app unpacked && mksquashfs unpacked/rootfs theirs.squashfs -comp gzip -all-time 0 -no-progress -quiet",
  );
  for (const [format, ...verity] of [["squashfs"], ["erofs"], ["erofs", "--verity"]] as const) {
    const imported = await ours("pack", "oci:oci:app", "-o", `imported.${format}`, ...gzip(format), ...verity);
    console.log(
      `import as ${[format, ...verity].join(" ")}: ${seconds(imported.ms)}, umoci unpack and mksquashfs ${seconds(theirs.ms)}, ` +
        `ratio ${ratio(imported.ms, theirs.ms)}; peak memory ${(imported.peakKib / 1024).toFixed(0)} MiB (at most 150)`,
    );
  }
} finally {
  rmSync(top, { recursive: true, force: true });
}
