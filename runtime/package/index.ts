/**
 * A revision outside a device: an export of `pvr`, or its repository, opened with nothing in it trusted; and the writing of an export.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { err, ok, type Result } from "../result.ts";
import { openArchive } from "./archive.ts";
import { openFolder } from "./folder.ts";
import { BadPackage, type Package } from "./model.ts";

export { contents } from "./file-bytes.ts";
export { BadPackage, type Package, type PackedObject } from "./model.ts";
export { type ExportedObject, exportBytes } from "./write.ts";

export interface OpenOptions {
  /**
   * Refuse an archive that has a member whose name leads out of the folder it would be unpacked in: no export has one, so it was made to
   * harm. Default: it is passed over, as every member that nobody asked for.
   */
  readonly refuseEscapes?: boolean;
}

/**
 * Opens an archive or a folder, and reads an archive to its end once. The error says what is wrong with it. An archive is read twice,
 * so it must be a file.
 */
export async function openPackage(
  path: string,
  { refuseEscapes = false }: OpenOptions = {},
): Promise<Result<Package, string>> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (info.isFile()) return ok(await openArchive(file, refuseEscapes));
      if (!info.isDirectory()) throw new BadPackage("neither a file nor a folder");
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return ok(await openFolder(path));
  } catch (error) {
    if (error instanceof BadPackage) return err(`${path}: ${error.message}`);
    if (error instanceof Error && "code" in error) return err(`${path}: ${String(error.code)}`);
    throw error;
  }
}
