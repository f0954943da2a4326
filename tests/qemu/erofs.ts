/** EROFS as `board/all/erofs.config` has Buildroot make it, by the same words for mkfs.erofs (Buildroot: fs/erofs/erofs.mk). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { erofsConfig } from "../bsp/defconfigs.ts";
import { externalTree, readSettings } from "../bsp/kconfig.ts";
import { run } from "./host.ts";

/** The value of a setting of the fragment, without quotes. */
function setting(name: string): string {
  const text = readFileSync(join(externalTree, erofsConfig), "utf8").replaceAll(/^# (?!BR2_).*\n/gm, "");
  const found = readSettings(text, erofsConfig).find(({ symbol }) => symbol === `BR2_TARGET_ROOTFS_EROFS_${name}`);
  if (found === undefined) throw new Error(`${erofsConfig} sets no ${name}`);
  return found.value.replaceAll('"', "").replace("$(BR2_EXTERNAL_CAIRN_PATH)", externalTree);
}

/** The same bytes for the same tree, all owned by root. */
export async function packErofs(folder: string, image: string): Promise<void> {
  await run([
    ...["mkfs.erofs", "--quiet", "-T0", "-U00000000-0000-0000-0000-000000000001", "--all-root"],
    ...[`-z${setting("COMPRESSION_ALGORITHMS")}`, `-C${setting("PCLUSTERSIZE")}`],
    ...["--compress-hints", setting("COMPRESSION_HINTS"), image, folder],
  ]);
}

/** Into a folder that is not there yet. */
export async function unpackErofs(image: string, folder: string): Promise<void> {
  await run(["fsck.erofs", `--extract=${folder}`, image]);
}
