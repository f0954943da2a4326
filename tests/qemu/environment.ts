/** What the runtime tells the boot loader, in the file and format of each loader (reference 6.1, 6.2). */
import type { Arch } from "./host.ts";

/** Variables of the loader; one that is left out is empty. */
export interface BootEnvironment {
  /** The committed revision. */
  readonly pv_rev?: string;
  /** The revision on trial. */
  readonly pv_try?: string;
}

/** The architectures of these boards and their boot loaders: GRUB on a PC, U-Boot elsewhere. */
export const environmentPath: Readonly<Record<Arch, string>> = {
  x86_64: "boot/grubenv",
  aarch64: "boot/uboot.txt",
};

/** The file's bytes. */
export function environmentFile(arch: Arch, { pv_rev = "", pv_try = "" }: BootEnvironment): string {
  return arch === "x86_64"
    ? grubBlock({ pv_rev, pv_try })
    : `pv_rev=${pv_rev}\0pv_try=${pv_try}\0`.padEnd(65_536, "\0");
}

/** An environment block: its first line, name=value lines, then "#" up to 1024 bytes (GRUB: grub-core/lib/envblk.c). */
export function grubBlock(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  return `# GRUB Environment Block\n${lines.join("")}`.padEnd(1024, "#");
}
