/** The disk that Buildroot made, as it is, and what is closed on it. Wants CAIRN_IMAGES; `make test-image` runs it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { extname, join } from "node:path";
import { unpackRoot } from "../bsp.ts";
import { putBootFile } from "../head.ts";
import { buildFolder, run } from "../host.ts";
import { builtImages, type Images } from "../images.ts";
import { probeContainer, revision, sharedDevice, testArch, withDevice } from "../index.ts";
import { wordsFile } from "../loaders.ts";

const arch = testArch();
const console = { x86_64: "ttyS0,115200", aarch64: "ttyAMA0" }[arch];

function images(): Images {
  const found = builtImages(arch);
  if (found === null) throw new Error("CAIRN_IMAGES names no folder of images");
  return found;
}

let folder = "";
beforeAll(async () => {
  await mkdir(join(buildFolder, "run"), { recursive: true });
  folder = await mkdtemp(join(buildFolder, "run", "built-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("it starts by itself: boot loader, first stage, revision 0 with every goal reached, on the whole disk, with nothing to complain about; nobody answers on the console", async () => {
  const disk = join(folder, "disk.img");
  await run(["cp", "--sparse=always", images().disk, disk]);
  await run(["truncate", "--size=+1G", disk]); // as a card is larger than its image
  // What process 1 says goes to its files alone: here it is the evidence.
  const spoken = [
    "PV_STORAGE_DEVICE=LABEL=pvdata",
    `console=${console}`,
    "PV_LOG_SERVER_OUTPUTS=filetree,stdout.pantavisor",
  ];
  const { name, text } = wordsFile(arch, spoken);
  await putBootFile(disk, arch === "x86_64" ? `boot/grub/${name}` : name, text);
  const nothing = await revision({ arch, containers: [] });
  const options = {
    name: `built-disk-${arch}`,
    arch,
    revision: nothing,
    image: disk,
    loader: "real",
    watchdog: true,
  } as const;
  await withDevice(options, async (device) => {
    device.type("\n");
    await device.console(
      [/cairn: revision 0$/m, /\[boot\]: cairn \d/, /goals reached.*storage grew|storage grew.*goals reached/s],
      180_000,
    );
    device.type("\necho $((6 * 7))\n");
    await device.console(/echo \$\(\(6 \* 7\)\)/); // the line itself, not what a shell would make of it
    expect(device.log).not.toMatch(/^42$|login:/m);
    expect(device.log.split("\n").filter((line) => /^\[pantavisor\] \d+ (WARN|ERROR|FATAL)/.test(line))).toEqual([]);
  });
}, 300_000);

test("no account has a password, and none may do without", async () => {
  const root = join(folder, "root");
  await unpackRoot(images().rootfs, root);
  const fields = (await readFile(join(root, "etc/shadow"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => line.split(":")[1] ?? "");
  expect(fields.length).toBeGreaterThan(0);
  expect(fields.filter((password) => !/^[*!]/.test(password))).toEqual([]);
  const accounts = (await readFile(join(root, "etc/passwd"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => line.split(":")[1] ?? "");
  expect(accounts.filter((password) => password !== "x")).toEqual([]);
});

const onDevice = sharedDevice(async () => ({
  name: `built-closed-${arch}`,
  arch,
  revision: await revision({ arch, containers: [await probeContainer(arch)] }),
  loader: "real",
}));

onDevice("its root file system is read-only, and so is every part of the revision", async (device) => {
  await device.must("true", 180_000);
  const mounts = (await device.must("cat /proc/mounts")).split("\n").map((line) => line.split(" "));
  expect(mounts.filter(([, at]) => at === "/").map(([, , type, flags]) => [type, flags?.split(",")[0]])).toEqual([
    [extname(images().rootfs).slice(1), "ro"],
  ]);
  expect((await device.run("touch /usr/bin/new")).code).not.toBe(0);
});

onDevice("nothing listens on the network", async (device) => {
  const sockets = await device.must("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || cat /proc/net/tcp");
  expect(sockets.split("\n").filter((line) => / 0A /.test(line))).toEqual([]); // TCP_LISTEN (Linux: net/tcp_states.h)
});

onDevice("process 1 is the program of the build, not stripped to plain bun", async (device) => {
  expect(await device.must("readlink /proc/1/exe")).toBe("/usr/bin/cairn\n");
  expect(await device.must("/usr/bin/cairn --version")).toMatch(/^cairn: \d+\./);
});
