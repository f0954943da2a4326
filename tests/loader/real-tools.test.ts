/**
 * The tools that come with GRUB and U-Boot read what we write, and we read what they write. They are part of the requirements
 * (tests/qemu/requirements.sh): without them these tests fail.
 */
import { afterEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { grubenv } from "../../runtime/loader/grubenv.ts";
import { openLoader } from "../../runtime/loader/index.ts";
import { currentCopy, decodeCopy, flagsOf, singleCopy } from "../../runtime/loader/uboot-binary.ts";
import { emptyFolder, must, removeFolders, revision } from "../store/world.ts";
import { COPY_BYTES, pairDevice, quickDisk } from "./drivers.ts";

afterEach(removeFolders);

function run(...command: readonly [string, ...string[]]): string {
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const program = Bun.which(command[0], { PATH: path });
  if (program === null) throw new Error(`no ${command[0]} on this machine: run sh tests/qemu/requirements.sh`);
  const done = Bun.spawnSync([program, ...command.slice(1)]);
  if (done.exitCode !== 0) throw new Error(`${command.join(" ")}: ${done.stderr.toString()}`);
  return done.stdout.toString();
}

test("grub-editenv: what it makes is read, what we write it lists and changes", async () => {
  const storage = emptyFolder();
  const path = join(storage, "boot/grubenv");
  const loader = must(openLoader("grub", { disk: quickDisk(), storage }));
  must(await loader.commit(revision("1"))); // makes folder and file
  run("grub-editenv", path, "create");
  expect(must(await loader.read())).toEqual({ committed: null, trial: null });

  const odd = "back\\slash and\nline = end#";
  run("grub-editenv", path, "set", `odd=${odd}`, "pv_rev=4", "empty=");
  expect(must(await loader.read())).toEqual({ committed: revision("4"), trial: null });
  expect(must(grubenv.decode(readFileSync(path))).get("odd")).toBe(odd);

  must(await loader.arm(revision("locals/new")));
  const listed = run("grub-editenv", path, "list");
  expect(listed).toBe(`pv_rev=4\npv_try=locals/new\nodd=${odd}\nempty=\n`);
  run("grub-editenv", path, "set", "pv_rev=5");
  run("grub-editenv", path, "unset", "pv_try");
  expect(must(await loader.read())).toEqual({ committed: revision("5"), trial: null });
});

test.each([[[]], [["-p", "0x00"]]])("mkenvimage: its images are read (%p)", (padding) => {
  const folder = emptyFolder();
  const [source, image] = [join(folder, "env.txt"), join(folder, "env.bin")];
  writeFileSync(source, "bootcmd=run distro\npv_rev=7\nlong=a=b\n");
  run("mkenvimage", ...padding, "-s", "0x1000", "-o", image, source);
  const single = must(singleCopy(0x1000).decode(readFileSync(image)));
  expect(Object.fromEntries(single)).toEqual({ bootcmd: "run distro", pv_rev: "7", long: "a=b" });

  run("mkenvimage", ...padding, "-r", "-s", "0x1000", "-o", image, source);
  const copy = readFileSync(image);
  expect([currentCopy(copy, null), flagsOf(copy)]).toEqual([0, 1]);
  expect([...must(decodeCopy(copy))]).toEqual([...single]);
});

test("fw_printenv and fw_setenv: both sides change the same redundant environment in turn, past the counter's end", async () => {
  const device = pairDevice(250);
  const config = join(emptyFolder(), "fw_env.config");
  writeFileSync(config, `${device.path} 0x0 0x2000\n${device.path} 0x2000 0x2000\n`);
  const loader = await device.open(quickDisk());
  const printed = (name: string): string => run("fw_printenv", "-c", config, "-n", name).trim();
  for (let turn = 1; turn <= 12; turn += 1) {
    must(await loader.arm(revision(`${turn}`)));
    expect([printed("pv_try"), printed("bootdelay")]).toEqual([`${turn}`, "2"]);
    run("fw_setenv", "-c", config, "theirs", `${turn}`);
    expect(device.seen().get("theirs")).toBe(`${turn}`);
    expect(must(await loader.read()).trial).toBe(revision(`${turn}`));
  }
  run("fw_setenv", "-c", config, "pv_try");
  expect(must(await loader.read()).trial).toBeNull();

  const bytes = readFileSync(device.path); // the newer copy is damaged: both fall back to the other
  must(await loader.commit(revision("20")));
  const newer = readFileSync(device.path).findIndex((byte, at) => byte !== bytes[at]) < COPY_BYTES ? 0 : COPY_BYTES;
  const damaged = readFileSync(device.path)
    .fill(0, newer + 100, newer + 101)
    .fill(0x55, newer + 5, newer + 9);
  writeFileSync(device.path, damaged);
  expect(printed("theirs")).toBe("12");
  expect(must(await loader.read())).toEqual({ committed: null, trial: null });
});

test("fw_setenv: an environment in a file of its own", async () => {
  const folder = emptyFolder();
  const [path, config] = [join(folder, "uboot.env"), join(folder, "fw_env.config")];
  writeFileSync(path, must(singleCopy(0x2000).encode(new Map([["bootcmd", "x"]]))));
  writeFileSync(config, `${path} 0 0x2000\n`);
  const ports = { disk: quickDisk(), storage: folder, ubootEnv: { path, sizeBytes: 0x2000 } };
  const loader = must(openLoader("uboot-env", ports));
  must(await loader.commit(revision("3")));
  expect(run("fw_printenv", "-c", config)).toBe("bootcmd=x\npv_rev=3\n");
  run("fw_setenv", "-c", config, "pv_try", "4");
  expect(must(await loader.read())).toEqual({ committed: revision("3"), trial: revision("4") });
});
