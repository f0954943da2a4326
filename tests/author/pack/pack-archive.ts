/**
 * Packs an archive as whoever runs this, in the surroundings that a test gives it.
 *   bun pack-archive.ts ARCHIVE OUTPUT erofs|squashfs SCRATCH [keep-times]
 */
import { createReadStream } from "node:fs";
import { flatten } from "../../../runtime/author/image/flatten/index.ts";
import { explainPack, formats, pack } from "../../../runtime/author/pack/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { PLAIN } from "../image/layers.ts";

const [archive = "", output = "", wanted = "", scratchFolder = "", times = ""] = process.argv.slice(2);
const keepTimes = times === "keep-times";
const format = formats.find((one) => one === wanted);
if (format === undefined) throw new Error(`"${wanted}" is no format`);
const tree = await flatten([{ name: archive, proven: false, open: () => createReadStream(archive) }], {
  ...PLAIN,
  scratchFolder,
  keepTimes,
});
const packed = await pack(realDisk, tree, { output, format, scratchFolder, keepTimes });
if (!packed.ok) {
  console.error(explainPack(packed.error));
  process.exit(1);
}
