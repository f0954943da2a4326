/** Fills the file system on the folder in its argument and prints, as JSON, what the store makes of that. */
import { readdirSync, writeFileSync } from "node:fs";
import type { Digest } from "../../runtime/state/index.ts";
import { openStore, putObject, realDisk, saveFile, storageSpace } from "../../runtime/store/index.ts";

const root = process.argv[2];
if (root === undefined) throw new Error("wants a folder");
const store = openStore(realDisk, root);
const putBytes = (bytes: Uint8Array) => {
  const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex") as Digest;
  return putObject(store, digest, new Blob([bytes]).stream());
};
const tooBig = new Uint8Array(2 << 20);
const put = await putBytes(tooBig);
writeFileSync(`${root}/f`, "old");
const saved = await saveFile(realDisk, "test", `${root}/f`, tooBig);
const space = await storageSpace(store, 0);
const small = await putBytes(new Uint8Array(1));
const left = readdirSync(root, { recursive: true }).map(String).sort();
console.log(JSON.stringify({ put, saved, space, small, left }));
