import { explainSys, spawnChild } from "../../linux/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Disk, explainDiskError, readFile, saveFile } from "../../store/index.ts";

const WHY = "debug/host key";
/** Of the largest that dropbearkey(1) makes, some kilobytes. */
const KEY_BYTES_MAX = 16 << 10;

export interface HostKey {
  readonly path: string;
  /** As ssh(1) shows it to who connects for the first time: "SHA256:…". */
  readonly fingerprint: string;
}

export interface HostKeyPlace {
  readonly disk: Disk;
  /** Kept there; made with the first key. */
  readonly folder: string;
  /** In memory, for root only: a key is made there. */
  readonly scratch: string;
  /** Path of dropbearkey(1). */
  readonly program: string;
}

/** The key by which clients know this device again: made once, and kept. The error is a sentence. */
export async function hostKey({ disk, folder, scratch, program }: HostKeyPlace): Promise<Result<HostKey, string>> {
  const path = `${folder}/dropbear_ed25519_host_key`;
  const found = await disk.stat(WHY, path);
  if (!found.ok) {
    if (found.error.kind !== "missing") return err(explainDiskError(found.error));
    const made = await makeKey(disk, program, `${scratch}/host-key`, path);
    if (!made.ok) return made;
  }
  const shown = await output([program, "-y", "-f", path]);
  if (!shown.ok) return err(`the host key ${path} cannot be used, and is made anew once it is removed: ${shown.error}`);
  const [, blob = ""] = /^ssh-ed25519 (\S+)/m.exec(shown.value) ?? [];
  return ok({ path, fingerprint: fingerprintOf(blob) });
}

/** Made in memory, and then put where it is kept in one step: no half key is ever found there. */
async function makeKey(disk: Disk, program: string, temporary: string, path: string): Promise<Result<void, string>> {
  const made = await output([program, "-t", "ed25519", "-f", temporary]);
  if (!made.ok) return err(`no host key can be made: ${made.error}`);
  const bytes = await readFile(disk, WHY, temporary, KEY_BYTES_MAX);
  const saved = bytes.ok ? await saveFile(disk, WHY, path, bytes.value, 0o600) : bytes;
  await disk.unlink(WHY, temporary); // it is in memory, and goes with that at the latest
  return saved.ok ? ok(undefined) : err(explainDiskError(saved.error));
}

/** RFC 4253, section 6.6: the digest is of the blob. */
const fingerprintOf = (base64: string): string => {
  const digest = new Bun.CryptoHasher("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
};

/** What a program prints; the error is how it ended. */
async function output(command: string[]): Promise<Result<string, string>> {
  const started = spawnChild(command, { stdout: "pipe", stderr: "pipe", env: {} });
  if (!started.ok) return err(explainSys(started.error));
  const { stdout, stderr, exited } = started.value;
  const [text, complaint, code] = await Promise.all([new Response(stdout).text(), new Response(stderr).text(), exited]);
  return code === 0 ? ok(text) : err(`${command[0]} ended with ${code}: ${complaint.trim().slice(-200)}`);
}
