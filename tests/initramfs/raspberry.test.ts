/** How bsp-buildroot/initramfs/init chooses a revision on a Raspberry Pi: the script's own functions, on a tree that stands for the machine. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { emptyFolder, removeFolders } from "../store/world.ts";

afterEach(removeFolders);

const script = readFileSync(resolve(import.meta.dir, "../../bsp-buildroot/initramfs/init"), "utf8");
const [from, to] = [script.indexOf("\nsay()"), script.indexOf("\nread_command_line\n")];

interface Boot {
  /** What `boot/rpiab.txt` holds; null: there is none. */
  readonly environment: string | null;
  /** `pv_rev.txt` of partition 2, which was booted; null: it has no file system. */
  readonly list?: string | null;
  readonly tryboot?: boolean;
  readonly trying?: string;
  /** From the command line. */
  readonly rev?: string;
  /** The storage takes no writes. */
  readonly broken?: boolean;
  /** The firmware is another one. */
  readonly foreign?: boolean;
}

/** A machine whose script can be run again and again. */
function machine({ environment, list = "0", tryboot = false, trying, rev = "", broken, foreign }: Boot) {
  const top = emptyFolder();
  const at = (path: string): string => join(top, path);
  for (const folder of ["storage/boot", "firmware", "newroot", "dev/mmcblk0p2"]) {
    mkdirSync(at(folder), { recursive: true });
  }
  if (environment !== null) writeFileSync(at("storage/boot/rpiab.txt"), environment.padEnd(512, "\0"));
  if (trying !== undefined) writeFileSync(at("storage/boot/rpiab.trying"), `${trying}\n`);
  writeFileSync(at("firmware/partition"), Buffer.from([0, 0, 0, 2]));
  writeFileSync(at("firmware/tryboot"), Buffer.from([0, 0, 0, tryboot ? 1 : 0]));
  if (foreign === true) rmSync(at("firmware"), { recursive: true });
  if (list === null) rmSync(at("dev/mmcblk0p2"), { recursive: true });
  else writeFileSync(at("dev/mmcblk0p2/pv_rev.txt"), list);
  const functions = script
    .slice(from, to)
    .replaceAll("/storage", at("storage"))
    .replaceAll("/newroot", at("newroot"))
    .replaceAll("/proc/device-tree/chosen/bootloader", at("firmware"));
  const program = [
    functions,
    `mount() { [ "$1 $2 $3 $4" = "-t vfat -o ro" ] && [ -d "$5" ] && cp "$5"/* ${at("newroot")}; }`,
    `umount() { rm ${at("newroot")}/*; }`,
    "sync() { :; }",
    broken === true ? "mv() { return 1; }" : "",
    `rev='${rev}' node=${at("dev/mmcblk0p4")}`,
    'choose_revision && echo "= $rev"',
  ].join("\n");
  return {
    boot(): string {
      const run = Bun.spawnSync(["sh", "-c", program]);
      expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
      return run.stdout.toString().trim().split("\n").at(-1)?.slice("= ".length) ?? "";
    },
    /** What was said. */
    trying: (): string | null => {
      const path = at("storage/boot/rpiab.trying");
      return existsSync(path) ? readFileSync(path, "utf8").trim() : null;
    },
  };
}

const both = "pv_rev=3\0pv_try=locals/a+b\0";

test("the functions are cut out of the script", () => {
  expect(from).toBeGreaterThan(0);
  expect(to).toBeGreaterThan(from);
});

describe("without a trial", () => {
  test.each([
    [null, "0"],
    ["pv_rev=3\0", "3"],
    ["pv_rev=2\0other=pv_rev=9\0pv_rev=3\0pv_try=\0", "3"],
    ["pv_rev=3\0\0pv_rev=9\0", "3"],
    ["pv_try=\0", "0"],
  ])("%j boots %p", (environment, rev) => {
    const pi = machine({ environment, list: "0,3", trying: "old" });
    expect(pi.boot()).toBe(rev);
    expect(pi.trying()).toBeNull();
  });
});

describe("a trial", () => {
  test("with an image of its own boots while the firmware boots that image, and only then", () => {
    expect(machine({ environment: both, list: "locals/a+b\r\n", tryboot: true }).boot()).toBe("locals/a+b");
    expect(machine({ environment: both, list: "3" }).boot()).toBe("3");
    const pi = machine({ environment: both, list: "3,locals/a+b", tryboot: true, trying: "locals/a+b" });
    expect([pi.boot(), pi.boot()]).toEqual(["locals/a+b", "locals/a+b"]); // the flag is what ends that
  });

  test("with the same image boots once, then the committed one, then once again when it is armed again", () => {
    const pi = machine({ environment: both, list: "3, locals/a+b" });
    expect([pi.boot(), pi.trying()]).toEqual(["locals/a+b", "locals/a+b"]);
    expect([pi.boot(), pi.trying()]).toEqual(["3", null]);
    expect(machine({ environment: both, list: "3,locals/a+b", trying: "other" }).boot()).toBe("locals/a+b");
  });

  test("whose commit was cut off after it changed the partition boots: it is committed", () => {
    const pi = machine({ environment: both, list: "locals/a+b" });
    expect([pi.boot(), pi.boot(), pi.trying()]).toEqual(["locals/a+b", "locals/a+b", null]);
  });

  test.each([null, "", "7", "xlocals/a+b,locals/a+bx"])("does not boot with an image that has the list %j", (list) => {
    for (const tryboot of [true, false]) expect(machine({ environment: both, list, tryboot }).boot()).toBe("3");
  });

  test("of which no note can be kept does not boot: it would be tried for ever", () => {
    expect(machine({ environment: both, list: "3,locals/a+b", broken: true }).boot()).toBe("3");
  });
});

test("a command line that names a revision is followed, and another firmware's device has nothing to choose by", () => {
  expect(machine({ environment: both, list: "locals/a+b", tryboot: true, rev: "5" }).boot()).toBe("5");
  expect(machine({ environment: both, foreign: true }).boot()).toBe("");
});
