/**
 * A Raspberry Pi as far as booting goes: partitions, the firmware's tryboot contract, and the first stage of a boot image. It reads the
 * files by itself, not with the code under test.
 */
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Area, BootPartition, Mountable } from "../../runtime/loader/index.ts";
import { err, ok } from "../../runtime/result.ts";
import { emptyFolder } from "../store/world.ts";

export const PARTITION_BYTES = 16 * 1024;

/** Files of a partition, which stand in its raw bytes as one line of JSON, in place of FAT. */
type Files = Readonly<Record<string, string>>;
const pack = (files: Files): string => `${JSON.stringify(files)}\n`;

function unpack(raw: string): Files | null {
  try {
    return JSON.parse(raw.slice(0, raw.indexOf("\n")));
  } catch {
    return null;
  }
}

/** A boot image whose kernel says which one it is. */
export const imageOf = (kernel: string): string => pack({ kernel, padding: kernel.repeat(2000) });

export interface Booted {
  readonly partition: number;
  readonly tryboot: boolean;
  readonly kernel: string;
  readonly revision: string;
}

export class Pi {
  readonly storage = emptyFolder();
  private readonly disk = emptyFolder();
  private flag = false;

  constructor() {
    mkdirSync(join(this.storage, "boot"));
    this.write(1, { "autoboot.txt": "# ours\n[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n" });
    this.write(2, { ...unpack(imageOf("A")), "pv_rev.txt": "0" });
    writeFileSync(this.raw(3), new Uint8Array(PARTITION_BYTES)); // never written
    this.trail("0", "A");
  }

  private raw = (number: number): string => join(this.disk, `p${number}`);
  private write(number: number, files: Files): void {
    const bytes = Buffer.alloc(PARTITION_BYTES);
    bytes.write(pack(files));
    writeFileSync(this.raw(number), bytes);
  }
  files = (number: number): Files | null => unpack(readFileSync(this.raw(number), "latin1"));

  /** A revision's trail with an image; same kernel, same inode, as the store does it. */
  trail(rev: string, kernel: string): void {
    const [object, folder] = [join(this.disk, `object-${kernel}`), join(this.storage, "trails", rev, ".pv")];
    if (!existsSync(object)) writeFileSync(object, gzipSync(imageOf(kernel)));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, "rpiboot.img.gz");
    rmSync(path, { force: true });
    linkSync(object, path);
  }

  /** Without the fsyncs of the real one, which has tests of its own. */
  private area(number: number): Area {
    const path = this.raw(number);
    return {
      path,
      sizeBytes: PARTITION_BYTES,
      read: async (at, size) => ok(readFileSync(path).subarray(at, at + size)),
      write: async (at, bytes) => {
        const raw = readFileSync(path);
        raw.set(bytes, at);
        writeFileSync(path, raw);
        return ok(undefined);
      },
    };
  }

  private mountable(number: number): Mountable {
    return {
      mounted: async (use) => {
        const files = this.files(number);
        if (files === null) return err({ kind: "mount", path: `p${number}`, problem: "no FAT" });
        const folder = mkdtempSync(join(this.disk, "mnt-"));
        for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
        const used = await use(folder);
        const names = [...new Bun.Glob("*").scanSync({ cwd: folder, dot: true })];
        this.write(number, Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")])));
        rmSync(folder, { recursive: true });
        return used;
      },
    };
  }

  ports(guard: (area: Area) => Area = (area) => area) {
    const partition = (number: number): BootPartition => ({
      number,
      area: guard(this.area(number)),
      ...this.mountable(number),
    });
    const partitions = [partition(2), partition(3)] as const;
    return { selector: this.mountable(1), partitions };
  }

  /** reboot(2): the firmware keeps the flag for one boot. */
  reboot(argument: string | null): Booted {
    this.flag = argument === "0 tryboot";
    return this.boot();
  }

  powerCycle(): Booted {
    this.flag = false;
    return this.boot();
  }

  private boot(): Booted {
    const tryboot = this.flag;
    this.flag = false;
    const partition = this.firmwareChoice(tryboot);
    const files = this.files(partition);
    if (files === null || files["kernel"] === undefined) {
      if (tryboot) return this.boot(); // the firmware gives up; the watchdog, or a person, starts it again
      throw new Error(`partition ${partition} does not boot`);
    }
    const revision = this.firstStage(tryboot, (files["pv_rev.txt"] ?? "").split(","));
    return { partition, tryboot, kernel: files["kernel"], revision };
  }

  private firmwareChoice(tryboot: boolean): number {
    let [section, chosen] = ["all", 0];
    for (const line of (this.files(1)?.["autoboot.txt"] ?? "").split("\n")) {
      if (line.startsWith("[")) section = line.slice(1, -1);
      const applies = section === "all" || (section === "tryboot" && tryboot);
      if (applies && line.startsWith("boot_partition=")) chosen = Number(line.slice("boot_partition=".length));
    }
    return chosen;
  }

  /** As runtime/loader/rpiab.ts asks of it; tests/initramfs runs the real one. */
  private firstStage(tryboot: boolean, list: readonly string[]): string {
    const variables = this.variables();
    const [rev, trial] = [variables["pv_rev"] ?? "0", variables["pv_try"] ?? ""];
    const path = join(this.storage, "boot/rpiab.trying");
    const trying = existsSync(path) ? readFileSync(path, "utf8") : "";
    const note = (name: string): void => (name === "" ? rmSync(path, { force: true }) : writeFileSync(path, name));
    const tried = !tryboot && list.includes(trial) && list.includes(rev);
    note(tried && trying !== trial ? trial : "");
    if (trial === "" || !list.includes(trial)) return rev;
    return tried && trying === trial ? rev : trial;
  }

  variables(): Record<string, string> {
    const path = join(this.storage, "boot/rpiab.txt");
    const text = existsSync(path) ? readFileSync(path, "latin1") : "";
    return Object.fromEntries(
      text
        .split("\0")
        .filter((entry) => entry !== "")
        .map((entry) => entry.split("=") as [string, string]),
    );
  }
}
