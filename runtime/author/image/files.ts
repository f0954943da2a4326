import { constants, createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, posix } from "node:path";
import { BadTar, readTar, tarLimits } from "../../tar/index.ts";
import { wholeOf } from "./checked.ts";
import { fail } from "./fault.ts";
import { imageLimits } from "./limits.ts";

/** Files by name, in a folder or in an archive. */
export interface Files {
  /** What to call them in errors. */
  readonly label: string;
  /** Null: there is no such regular file. */
  find(name: string): Promise<{ readonly sizeBytes: number; open(): AsyncIterable<Uint8Array> } | null>;
  close(): Promise<void>;
}

export async function readFrom(files: Files, name: string): Promise<Uint8Array | null> {
  const found = await files.find(name);
  return found === null ? null : wholeOf(found.open(), `${files.label}: ${name}`, imageLimits.documentBytesMax);
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CHUNK_BYTES = 256 << 10;

/** Names are our own, made of digests: none leads elsewhere. A link in place of a file is none (containerd CVE-2026-53489). */
export const folderFiles = (folder: string): Files => ({
  label: folder,
  async find(name) {
    const path = join(folder, name);
    const file = await open(path, READ).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ELOOP" || error.code === "ENOTDIR") return null;
      return fail({ kind: "io", path, code: error.code ?? error.message });
    });
    if (file === null) return null;
    const info = await file.stat().finally(() => file.close());
    if (!info.isFile()) return null;
    return {
      sizeBytes: info.size,
      open: () => createReadStream(path, { flags: READ as never, highWaterMark: CHUNK_BYTES }),
    };
  },
  close: async () => {},
});

type Member = { readonly atBytes: number; readonly sizeBytes: number } | { readonly target: string };
const LINKS_MAX = 8;

/** The regular files of an archive without compression; null when there are too many for an image. Links lead to its own members only. */
export async function archiveFiles(path: string, label: string): Promise<Files | null> {
  const members = new Map<string, Member>();
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for await (const member of readTar(part(file, 0, Number.POSITIVE_INFINITY), tarLimits)) {
      const name = posix.normalize(member.name);
      // Old archives share a layer among images by a link.
      if (member.kind === "file") members.set(name, { atBytes: member.offsetBytes, sizeBytes: member.sizeBytes });
      else if (member.kind === "symlink") members.set(name, { target: posix.join(posix.dirname(name), member.target) });
      else if (member.kind === "hardlink") members.set(name, { target: posix.normalize(member.target) });
      if (members.size > imageLimits.archiveMembersMax) {
        await file.close();
        return null;
      }
    }
  } catch (error) {
    await file.close();
    if (error instanceof BadTar) fail({ kind: "tar", blob: label, fault: error.fault });
    throw error;
  }
  return {
    label,
    async find(name) {
      let found = members.get(posix.normalize(name));
      for (let links = 0; found !== undefined && "target" in found; links++) {
        found = links < LINKS_MAX ? members.get(found.target) : undefined;
      }
      if (found === undefined || "target" in found) return null;
      const { atBytes, sizeBytes } = found;
      return { sizeBytes, open: () => part(file, atBytes, sizeBytes) };
    },
    close: () => file.close(),
  };
}

async function* part(file: FileHandle, fromBytes: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < sizeBytes; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes - done));
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, fromBytes + done);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}
