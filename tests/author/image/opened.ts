/** Images opened as the command does it, in the surroundings of a test. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  explainImage,
  flattenImage,
  type Image,
  type ImageFault,
  type OpenOptions,
  openImage,
  parseSource,
} from "../../../runtime/author/image/index.ts";
import { writeTar } from "../../../runtime/tar/index.ts";
import { sh, treeLines } from "./sample-image.ts";

export const optionsIn = (top: string, more: Partial<OpenOptions> = {}): OpenOptions => ({
  platforms: [],
  scratchFolder: mkdtempSync(join(top, "scratch-")),
  cacheFolder: join(top, "cache"),
  ca: null,
  insecure: false,
  login: null,
  idleMs: 5_000,
  pauseMs: 1,
  signal: null,
  report: () => {},
  ...more,
});

export async function openedAs(text: string, options: OpenOptions): Promise<Image> {
  const source = parseSource(text);
  if (typeof source === "string") throw new Error(source);
  const image = await openImage(source, options);
  if (!image.ok) throw new Error(explainImage(image.error));
  return image.value;
}

/** The fault of opening or flattening it. */
export async function faultOfSource(text: string, options: OpenOptions): Promise<ImageFault | null> {
  const source = parseSource(text);
  if (typeof source === "string") throw new Error(source);
  const image = await openImage(source, options);
  if (!image.ok) return image.error;
  const tree = await flattened(image.value, options.scratchFolder);
  await image.value.close();
  if (!tree.ok) return tree.error;
  await tree.value.close();
  return null;
}

export const flattened = (image: Image, scratchFolder: string) =>
  flattenImage(image, {
    scratchFolder: mkdtempSync(join(scratchFolder, "flat-")),
    keepTimes: false,
    signal: null,
    report: () => {},
  });

/** The archive of an image, and as GNU tar unpacks it: the tree. */
export async function unpackedByUs(image: Image, top: string): Promise<{ lines: readonly string[]; sha256: string }> {
  const at = mkdtempSync(join(top, "ours-"));
  const tree = await flattened(image, at);
  if (!tree.ok) throw new Error(explainImage(tree.error));
  const path = join(at, "flat.tar");
  const parts = await Array.fromAsync(writeTar(tree.value.entries()));
  await tree.value.close();
  writeFileSync(path, Buffer.concat(parts));
  mkdirSync(join(at, "root"));
  sh('tar -C "$2" --numeric-owner -p --xattrs --xattrs-include=\'*\' -xf "$1"', path, join(at, "root"));
  const sha256 = new Bun.CryptoHasher("sha256").update(Buffer.concat(parts)).digest("hex");
  return { lines: treeLines(join(at, "root")), sha256 };
}
