import { readFileSync } from "node:fs";
import { viaNode } from "../linux/index.ts";
import { explainLoader, type Loader } from "../loader/index.ts";
import { err, ok, type Result } from "../result.ts";
import { factory, parseRevisionName, type RevisionName } from "../state/index.ts";
import { explainStore } from "../store/index.ts";

/** What is known of a boot whose loader puts no revision on the kernel command line. */
export interface QuietBoot {
  /** The revision whose base system the first stage started; null: it did not say. */
  readonly firstStage: string | null;
  /** The firmware booted the partition for trials, as it was told for this one boot. */
  readonly tryboot: boolean;
}

/** Raspberry Pi's documentation, device-tree, "/chosen": numbers of 32 bits, big-endian like all of a device tree. */
const TRYBOOT = "/proc/device-tree/chosen/bootloader/tryboot";

/** A number of the device tree; null: it is not there. */
export function readCell(path: string): number | null {
  const bytes = viaNode("read", { path }, () => readFileSync(path));
  return bytes.ok && bytes.value.byteLength === 4 ? bytes.value.readUInt32BE() : null;
}

/** What this machine says. The first stage (bsp-buildroot/initramfs/init) exports `pv_rev` to process 1. */
export const readQuietBoot = (): QuietBoot => ({
  firstStage: process.env["pv_rev"] ?? null,
  tryboot: (readCell(TRYBOOT) ?? 0) !== 0,
});

function named(text: string, where: string): Result<RevisionName, string> {
  const rev = parseRevisionName(text);
  return rev.ok ? rev : err(`${where}: ${explainStore(rev.error)}`);
}

/**
 * The revision that runs now. GRUB and U-Boot put it on the kernel command line (`pv_rev`). Without a boot loader (type `none`) the
 * runtime plays it: what is committed runs, whatever the command line says. A Raspberry Pi's firmware knows no revisions: the first
 * stage chooses, and says so. Whether it is the trial is told by comparing it with what the loader has on trial.
 */
export async function bootedRevision(
  loader: Loader,
  cmdlineRev: string | null,
  quiet: QuietBoot = readQuietBoot(),
): Promise<Result<RevisionName, string>> {
  const plays = loader.type === "none";
  if (cmdlineRev !== null && !plays) return named(cmdlineRev, "the kernel command line's pv_rev");
  if (loader.type === "rpiab" && quiet.firstStage !== null) return named(quiet.firstStage, "the first stage's pv_rev");
  if (!plays && loader.type !== "rpiab") return err("the kernel command line names no revision (pv_rev=)");

  const state = await loader.read();
  if (!state.ok) return err(explainLoader(state.error));
  const { committed, trial } = state.value;
  if (plays) return committed === null && cmdlineRev !== null ? named(cmdlineRev, "pv_rev") : ok(committed ?? factory);
  // A first stage that says nothing goes by the partition alone, and so tries only what has an image of its own.
  const argument = quiet.tryboot && trial !== null ? await loader.rebootArgument(true) : ok(null);
  if (!argument.ok) return err(explainLoader(argument.error));
  return ok(argument.value !== null && trial !== null ? trial : (committed ?? factory));
}
