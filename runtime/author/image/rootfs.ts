import { spawn } from "node:child_process";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "./fault.ts";
import type { Image, Layer } from "./image.ts";

const PLAIN: Omit<Image, "layers"> = {
  config: null,
  platform: null,
  digest: null,
  name: null,
  tag: null,
  whiteouts: false,
  own: false,
  without: new Set(),
  remarks: [],
  close: async () => {},
};

/** What Buildroot puts into `output/target` (its manual, "Where is the root filesystem"). */
const BUILDROOT_MARK = "THIS_IS_NOT_YOUR_ROOT_FILESYSTEM";

/** An archive, with or without compression. */
export const rootfsArchive = (name: string, open: Layer["open"]): Image => ({
  ...PLAIN,
  layers: [{ name, digest: null, diffId: null, open }],
});

/** A folder. Files of whoever runs this become root's: that is what a build without rights means by them. */
export async function rootfsFolder(path: string, signal: AbortSignal | null): Promise<Image> {
  const layer: Layer = { name: path, digest: null, diffId: null, open: () => archived(path, signal) };
  const image: Image = { ...PLAIN, layers: [layer], own: true };
  const isTarget = await lstat(join(path, BUILDROOT_MARK)).then(
    () => true,
    () => false,
  );
  if (!isTarget) return image;
  const remark =
    `${path} is Buildroot's target folder, which lacks what device tables and users give it when Buildroot makes an image: ` +
    "device nodes, owners, special permissions. Where they matter, take output/images/rootfs.tar (BR2_TARGET_ROOTFS_TAR=y)";
  return { ...image, without: new Set([BUILDROOT_MARK]), remarks: [remark] };
}

/** GNU tar reads what Bun cannot: extended attributes, device numbers; the order of names is for others to make. */
async function* archived(path: string, signal: AbortSignal | null): AsyncGenerator<Uint8Array> {
  const program = Bun.which("tar");
  if (program === null) return fail({ kind: "noProgram", program: "tar", package: "tar" });
  const args = ["--create", "--file=-", `--directory=${path}`, "--format=pax", "--numeric-owner"];
  const child = spawn(program, [...args, "--xattrs", "--xattrs-include=*", "--warning=no-file-ignored", "."], {
    env: { LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal === null ? {} : { signal }),
  });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => {
    said = `${said}${bytes}`.slice(-500);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  ended.catch(() => {});
  try {
    for await (const part of child.stdout as AsyncIterable<Uint8Array>) yield part;
    const code = await ended;
    if (code !== 0)
      fail({ kind: "program", program: "tar", detail: said.trim().split("\n")[0] ?? `exit code ${code}` });
  } finally {
    child.kill();
  }
}
