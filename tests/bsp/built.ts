/** What Buildroot leaves at the end of a build, small, for board/all/post-image.sh to be run on. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { externalTree } from "./kconfig.ts";

const main = resolve(import.meta.dir, "../../runtime/main.ts");

/** What package/cairn/cairn.mk exports. */
export interface ImageSettings {
  readonly CAIRN_LOADER: string;
  readonly CAIRN_CMDLINE?: string;
  readonly CAIRN_STORAGE_LABEL?: string;
  readonly CAIRN_STORAGE_SIZE?: string;
  readonly CAIRN_ROOTFS?: string;
  readonly CAIRN_CONTAINERS?: string;
  readonly CAIRN_TRUST?: string;
  readonly CAIRN_SIGN_KEY?: string;
  readonly CAIRN_SIGN_CERTIFICATE?: string;
  readonly CAIRN_DEVICETREE?: string;
}

const defaults: Required<Omit<ImageSettings, "CAIRN_LOADER">> = {
  CAIRN_CMDLINE: "console=ttyS0,115200",
  CAIRN_STORAGE_LABEL: "pvdata",
  CAIRN_STORAGE_SIZE: "64M",
  CAIRN_ROOTFS: "rootfs.squashfs",
  CAIRN_CONTAINERS: "",
  CAIRN_TRUST: "",
  CAIRN_SIGN_KEY: "",
  CAIRN_SIGN_CERTIFICATE: "",
  CAIRN_DEVICETREE: "",
};

/** Runs the script as Buildroot does, on the folders `images`, `target` and `host` (with the program `cairn`) of `folder`; `layout` is a
 *  file below board/. */
export function postImage(
  folder: string,
  layout: string,
  settings: ImageSettings,
): { readonly exit: number; readonly said: string } {
  const script = join(externalTree, "board/all/post-image.sh");
  const run = Bun.spawnSync([script, join(folder, "images"), join(externalTree, "board", layout)], {
    env: {
      ...defaults,
      ...settings,
      PATH: `${folder}/host:${process.env["PATH"]}:/usr/sbin:/sbin`,
      HOME: folder,
      SOURCE_DATE_EPOCH: "1700000000",
      BUILD_DIR: join(folder, "build"),
      TARGET_DIR: join(folder, "target"),
    },
  });
  return { exit: run.exitCode, said: `${run.stdout}${run.stderr}` };
}

export class Built {
  readonly folder = mkdtempSync(join(tmpdir(), "cairn-built-"));
  readonly images: string = join(this.folder, "images");

  constructor(files: Readonly<Record<string, string>>) {
    const always = {
      "images/rootfs.squashfs": "base system",
      "images/cairn-initramfs.cpio.gz": "first stage",
      "target/lib/modules/6.12.91/modules.dep": "a.ko:\n",
      "target/lib/modules/6.12.91/a.ko": "module",
      "host/cairn": `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`,
    };
    for (const [path, text] of Object.entries({ ...always, ...files })) this.write(path, text);
    chmodSync(join(this.folder, "host/cairn"), 0o755);
  }

  write(path: string, text: string): string {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  postImage(layout: string, settings: ImageSettings): { readonly exit: number; readonly said: string } {
    return postImage(this.folder, layout, settings);
  }

  /** What a tool prints about something in the folder of images. */
  ask(...command: readonly string[]): string {
    const run = Bun.spawnSync([...command], {
      cwd: this.images,
      env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
    });
    if (run.exitCode !== 0) throw new Error(`${command.join(" ")}: ${run.stderr}`);
    return run.stdout.toString();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
