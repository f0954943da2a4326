/**
 * `make bench-image BOARD=…`: what an image that Buildroot built weighs, part by part, and compressed; how long it takes from the
 * hand-over to process 1 until the container runs (QEMU counts instructions: 1 ns each); whether it runs in 96 MiB, and what is used
 * then; and what an idle hour writes. One container. Environment: CAIRN_IMAGES, the folder of images; MINUTES for the last of it.
 */
import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Arch, run } from "../qemu/host.ts";
import { builtImages } from "../qemu/images.ts";
import { boot, probeContainer, revision, scriptContainer } from "../qemu/index.ts";

const SMALL_MIB = 96;
const minutes = Number(process.env["MINUTES"] || 60);
const arch: Arch = existsSync(join(process.env["CAIRN_IMAGES"] ?? "", "bzImage")) ? "x86_64" : "aarch64";
const images = builtImages(arch);
if (images === null) throw new Error("CAIRN_IMAGES names no folder of images");

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1).padStart(7)} MB`;

async function part(path: string): Promise<number> {
  const packed = Number(await run(["sh", "-c", 'zstd -q -19 -T0 -c "$0" | wc -c', path]));
  const { size, blocks } = statSync(path);
  const used = Math.min(size, blocks * 512);
  console.log(`${basename(path).padEnd(26)} ${mb(size)}  in use ${mb(used)}  zstd -19 ${mb(packed)}`);
  return size;
}

console.log(`\nParts, ${arch}`);
let base = 0;
for (const path of [images.kernel, images.initramfs, images.rootfs]) base += await part(path);
await part(images.modules);
await part(images.disk);
console.log(`kernel, first stage and base system: ${(base / 2 ** 20).toFixed(1)} MiB (budget 64 on x86_64)`);

{
  const speaks = 'echo "<5>bench: runs" >/dev/kmsg\nexec sleep 2147483647\n';
  const spec = { args: { PV_GROUP: "app", PV_SECURITY_FULLDEV: "yes", PV_DISABLE_AUTODEV: "yes" } };
  const container = await scriptContainer(arch, "bench", speaks, { spec });
  const one = await revision({ arch, containers: [container] });
  await using device = await boot({
    name: "bench-image-goals",
    arch,
    revision: one,
    icount: "shift=0",
    append: ["printk.time=1"],
  });
  await device.console([/initramfs: revision 0 takes over/, /goals reached/, /bench: runs/], 600_000);
  const seconds = (what: string): number =>
    Number(new RegExp(`^\\[\\s*(\\d+\\.\\d+)\\] ${what}`, "m").exec(device.log)?.[1]);
  const [handOver, runs] = [seconds("initramfs: revision 0 takes over"), seconds("bench: runs")];
  const ms = ((runs - handOver) * 1000).toFixed(0);
  console.log(
    `\nHand-over ${handOver.toFixed(2)} s after the kernel's start; ${ms} ms later the container runs, and the goals are reached`,
  );
}

{
  const made = await revision({ arch, containers: [await probeContainer(arch)] });
  const options = { name: "bench-image-small", arch, revision: made, memoryMib: SMALL_MIB, watchdog: true };
  await using device = await boot(options);
  await device.console([/goals reached/], 600_000);
  await device.must("sync; sleep 60; sync; sleep 5", 120_000);
  const memory = await device.must("cat /proc/meminfo");
  const kib = (field: string): number => Number(new RegExp(`^${field}: +(\\d+) kB`, "m").exec(memory)?.[1]);
  const mib = (field: string): string => `${(kib(field) / 1024).toFixed(1)} MiB`;
  console.log(
    `\nWith ${SMALL_MIB} MiB, goals reached and a minute later: total ${mib("MemTotal")}, available ${mib("MemAvailable")}, free ${mib("MemFree")}`,
  );

  const sectors = async (): Promise<number> =>
    Number((await device.must("awk '{ print $7 }' /sys/block/vda/stat")).trim());
  const before = await sectors();
  await Bun.sleep(minutes * 60_000);
  console.log(`${minutes} idle minutes wrote ${((await sectors()) - before) * 512} bytes to the disk`);
}
