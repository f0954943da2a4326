/** Images for volumes, by file system, and hash trees for dm-verity, made with the host's tools. Cached. */
import { copyFile, mkdir, open, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached, run } from "./host.ts";
import { pack } from "./tree.ts";

/** Path in the image → content. */
export type Files = Readonly<Record<string, string>>;

const makers = {
  squashfs: (folder: string, image: string) => pack(folder, image, 128 * 1024, 3),
  erofs: (folder: string, image: string) =>
    run(["mkfs.erofs", "-T0", "-U00000000-0000-0000-0000-000000000001", "--all-root", image, folder]),
  // With a journal: a device must not replay it into an object.
  ext4: async (folder: string, image: string) => {
    await run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-E", "root_owner=0:0", "-d", folder, image, "8M"]);
  },
} as const;

/** An image of these files. */
export async function image(type: keyof typeof makers, files: Files): Promise<string> {
  const folder = await cached(`volume/${type}`, ["volume 1", type, files], async (scratch) => {
    const tree = join(scratch, "tree");
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), content);
    }
    await makers[type](tree, join(scratch, "image"));
    await rm(tree, { recursive: true });
  });
  return join(folder, "image");
}

export interface VerityImage {
  readonly hashes: string;
  /** Hex. */
  readonly rootHash: string;
}

/** The hash tree of an image, as `veritysetup format` makes it. */
export async function hashTree(data: string): Promise<VerityImage> {
  const fixed = ["--salt", "00ff".repeat(16), "--uuid", "00000000-0000-0000-0000-000000000002"];
  const folder = await cached("volume/hashes", ["hashes 1", data], async (scratch) => {
    const said = await run(["veritysetup", "format", ...fixed, data, join(scratch, "hashes")]);
    const rootHash = /^Root hash:\s+([0-9a-f]+)$/m.exec(said)?.[1];
    if (rootHash === undefined) throw new Error(`veritysetup named no root hash:\n${said}`);
    await writeFile(join(scratch, "root-hash"), rootHash);
  });
  return { hashes: join(folder, "hashes"), rootHash: await Bun.file(join(folder, "root-hash")).text() };
}

/** A copy of an image with one byte changed. */
export async function damaged(data: string, atByte: number): Promise<string> {
  const folder = await cached("volume/damaged", ["damaged 1", data, atByte], async (scratch) => {
    await copyFile(data, join(scratch, "image"));
    await using file = await open(join(scratch, "image"), "r+");
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, atByte);
    await file.write(Buffer.from([byte.readUInt8(0) ^ 0x01]), 0, 1, atByte);
  });
  return join(folder, "image");
}
