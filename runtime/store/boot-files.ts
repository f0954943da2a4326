import type { Bsp } from "../state/index.ts";

/** A name in `.pv/` under which the boot loader finds the file `key` of the state. */
export interface BootFile {
  readonly name: string;
  readonly key: string;
}

/** What a boot loader finds in `trails/<rev>/.pv/` (reference 1.4, names of 6.1): fixed names, whatever the state calls the files. */
export function bootFiles({ fit, rpiab, linux, initrd, fdt, addons }: Bsp): readonly BootFile[] {
  const named: readonly (readonly [name: string, file: string | null])[] = [
    ["pantavisor.fit", fit],
    [rpiab?.endsWith(".gz") ? "rpiboot.img.gz" : "rpiboot.img", rpiab],
    ["pv-kernel.img", linux],
    ["pv-initrd.img", initrd],
    ["pv-fdt.dtb", fdt],
    ...addons.map((file, at) => [`pv-initrd.img.${at}`, file] as const),
  ];
  return named.flatMap(([name, file]) => (file === null ? [] : [{ name, key: `bsp/${file}` }]));
}
