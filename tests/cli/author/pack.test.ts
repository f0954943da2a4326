/** `cairn pack` as a user runs it: what it prints, what it leaves, and how it stops. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fakeRegistry, imageOf } from "../../author/image/fake-registry.ts";
import { file } from "../../author/image/layers.ts";

setDefaultTimeout(120_000);
const top = mkdtempSync(join(tmpdir(), "cli-pack-"));
const tree = join(top, "rootfs");
const program = [process.execPath, resolve(import.meta.dir, "../../../runtime/main.ts"), "pack"];
beforeAll(() => {
  for (let n = 0; n < 40; n++) {
    mkdirSync(join(tree, `d${n}`), { recursive: true });
    for (let m = 0; m < 50; m++) writeFileSync(join(tree, `d${n}/f${m}`), `${n} ${m} `.repeat(2000));
  }
});
afterAll(() => rmSync(top, { recursive: true }));

interface Place {
  readonly folder: string;
  readonly scratch: string;
  readonly env: Readonly<Record<string, string>>;
}

function place(): Place {
  const folder = mkdtempSync(join(top, "place-"));
  const scratch = join(folder, "scratch");
  mkdirSync(scratch);
  return {
    folder,
    scratch,
    env: { ...(process.env as Record<string, string>), TMPDIR: scratch, XDG_CACHE_HOME: join(folder, "cache") },
  };
}

async function run({ folder, env }: Place, ...words: string[]) {
  const child = Bun.spawn([...program, ...words], { cwd: folder, env, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { exit: await child.exited, out, err };
}

const shown = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name !== "scratch" && name !== "cache")
    .sort();

test("a folder becomes an image with its hash tree, and the second time the same one", async () => {
  const here = place();
  const first = await run(here, tree, "-o", "root.erofs", "--verity", "--json");
  expect(first).toMatchObject({ exit: 0, err: "" });
  const made = JSON.parse(first.out) as { sha256: string; verity: { root_hash: string } };
  const image = readFileSync(join(here.folder, "root.erofs"));
  expect(made.sha256).toBe(new Bun.CryptoHasher("sha256").update(image).digest("hex"));
  expect(shown(here.folder)).toEqual(["_dm", "root.erofs", "root.erofs.hash"]);
  const manifest = JSON.parse(readFileSync(join(here.folder, "_dm/root.erofs.json"), "utf8")) as object;
  expect(manifest).toEqual(made.verity);
  const veritysetup = Bun.which("veritysetup", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` }) ?? "veritysetup";
  const verified = Bun.spawnSync([veritysetup, "verify", "root.erofs", "root.erofs.hash", made.verity.root_hash], {
    cwd: here.folder,
  });
  expect(verified.stderr.toString()).toBe("");
  expect(verified.exitCode).toBe(0);
  expect(readdirSync(here.scratch)).toEqual([]);
  expect((await run(place(), tree, "-o", "root.erofs", "--verity", "--json")).out).toBe(first.out);
});

test("what was packed is what the tools of the file systems read back", async () => {
  const here = place();
  expect((await run(here, tree, "-o", "a.erofs")).exit).toBe(0);
  expect((await run(here, tree, "-o", "a.squashfs", "--compression", "gzip")).exit).toBe(0);
  const check = Bun.spawnSync(
    [
      "sh",
      "-euc",
      'fsck.erofs --extract=e a.erofs >/dev/null; unsquashfs -q -n -d s a.squashfs >/dev/null; rmdir e/dev s/dev; for d in e s; do (cd $d && rmdir proc sys run tmp var/tmp var/run var); diff -r $d "$1"; done',
      "sh",
      tree,
    ],
    { cwd: here.folder },
  );
  expect(`${check.stdout}${check.stderr}`).toBe("");
  expect(check.exitCode).toBe(0);
});

test("an image from a registry says which it was", async () => {
  const image = imageOf(file("etc/a", "a"));
  using registry = fakeRegistry(image);
  const here = place();
  const { exit, out, err } = await run(here, `docker://${registry.host}/app:1`, "-o", "root.squashfs", "--json");
  expect({ exit, err }).toEqual({ exit: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({
    dockerDigest: `${registry.host}/app@sha256:${image.digest}`,
    config: { cmd: ["sh"] },
    verity: null,
  });
});

test.each([
  [["nothing/there", "-o", "a.erofs"], 1, "nothing/there: ENOENT; nothing was written"],
  [["x"], 2, "-o FILE says what to write"],
  [["x", "-o", "a.squashfs", "--format", "erofs"], 2, "a device goes by the file's name"],
  [["x", "-o", "a.erofs", "--compression", "xz"], 2, "--compression is for squashfs"],
  [["x", "-o", "a.squashfs", "--compression", "brotli"], 2, "xz, zstd, gzip, lz4"],
  [["x", "-o", "a.erofs", "--platform", "arm64"], 2, "linux/arm/v7"],
  [["ftp://x", "-o", "a.erofs"], 2, "of a kind that is not read"],
  [["docker://a/b", "-o", "a.erofs", "--user", "ann"], 2, "CAIRN_REGISTRY_PASSWORD"],
  [["docker://a/b", "-o", "a.erofs", "--ca", "none.pem"], 1, "none.pem: ENOENT"],
] as const)("%j is refused with exit code %d", async (words, exit, message) => {
  const here = place();
  const ran = await run(here, ...words);
  expect(ran).toMatchObject({ exit, out: "" });
  expect(ran.err).toContain(message);
  expect(shown(here.folder)).toEqual([]);
});

test("without a place for temporary files, that is said", async () => {
  const here = place();
  const ran = await run({ ...here, env: { ...here.env, TMPDIR: join(here.folder, "none") } }, tree, "-o", "a.erofs");
  expect(ran).toMatchObject({ exit: 1, out: "" });
  expect(ran.err).toContain("TMPDIR names another place; nothing was written");
});

/** Programs that work in a folder, or in what once was below it. */
function runningIn(folder: string): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
    } catch {
      return false; // ended meanwhile
    }
  });
}

/** Waits until something is there, for as long as the program runs. */
async function until(there: () => boolean, child: { readonly exitCode: number | null }): Promise<boolean> {
  while (!there() && child.exitCode === null) await Bun.sleep(1);
  return child.exitCode === null;
}

test("Ctrl-C leaves the old image and nothing else, whatever was being done", async () => {
  const below = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const within = (scratch: string, begin: string): readonly string[] =>
    below(scratch).flatMap((name) =>
      below(join(scratch, name))
        .filter((one) => one.startsWith(begin))
        .flatMap((one) => below(join(scratch, name, one))),
    );
  const moments: Readonly<Record<string, (here: Place) => boolean>> = {
    "reading begins": ({ scratch }) => below(scratch).length > 0,
    "the tree is laid out": ({ scratch }) => within(scratch, "cairn-pack-").includes("tree"),
    "the image is made": ({ folder }) => existsSync(join(folder, ".root.squashfs.tmp")),
  };
  for (const [moment, isNow] of Object.entries(moments)) {
    const here = place();
    writeFileSync(join(here.folder, "root.squashfs"), "the old one");
    const child = Bun.spawn([...program, tree, "-o", "root.squashfs"], {
      cwd: here.folder,
      env: here.env,
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await until(() => isNow(here), child), moment).toBe(true);
    child.kill("SIGINT");
    expect(await new Response(child.stderr).text(), moment).toContain("cancelled");
    expect(await child.exited, moment).toBe(130);
    expect(shown(here.folder), moment).toEqual(["root.squashfs"]);
    expect(readFileSync(join(here.folder, "root.squashfs"), "utf8")).toBe("the old one");
    expect(readdirSync(here.scratch), moment).toEqual([]);
    expect(runningIn(here.folder), moment).toEqual([]);
  }
});
