import { constants } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contents } from "../../package/index.ts";
import type { Body } from "./exchange.ts";

/** A regular file opened so that its length can be said before its bytes. Throws what open(2) says, and when it is no file. */
export async function openBody(path: string): Promise<Body & AsyncDisposable> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK); // a FIFO would wait for ever
  const info = await file.stat();
  if (!info.isFile()) {
    await file.close();
    throw new Error("not a file");
  }
  return {
    sizeBytes: info.size,
    bytes: contents(file, info.size),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Stdin as a body. The API wants to know the length first, so what comes is collected in a file without a name below TMPDIR. */
export async function spoolStandardInput(): Promise<Body & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "cairn-"));
  let file: FileHandle;
  try {
    file = await open(join(folder, "stdin"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true }); // the open file lives on until it is closed
  }
  let sizeBytes = 0;
  for await (const part of Bun.stdin.stream()) {
    await file.appendFile(part);
    sizeBytes += part.byteLength;
  }
  return { sizeBytes, bytes: contents(file, sizeBytes), [Symbol.asyncDispose]: () => file.close() };
}
