/** bsp-buildroot/MIGRATION.md, done: its commands in their order, on an example of a product, and the device that comes of it. */
import { expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bringAlong } from "./export.ts";
import { buildFolder, hostArch, repository, run } from "./host.ts";
import {
  accounts,
  desk,
  layWorkingCopy,
  mountPoints,
  powerOff,
  probeContainer,
  released,
  revision,
  testArch,
  treeFolder,
  withDevice,
} from "./index.ts";

const arch = testArch();
const minutes = (count: number): number => count * 60_000;

/** The page's blocks of commands in one language, as they stand there. */
async function blocks(language: string): Promise<readonly string[]> {
  const page = await readFile(join(repository, "bsp-buildroot/MIGRATION.md"), "utf8");
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);
}

/** What the product is about. Its readings are to outlive an update. */
const meterd = (version: string): string => `#!/bin/sh
export PATH=/bin
trap 'exit 0' TERM PWR
echo "started" >>/var/lib/meter/readings
echo "meter ${version}, start $(wc -l </var/lib/meter/readings)"
while :; do sleep 3600 & wait $!; done
`;

/** Buildroot's output folder of the product as it was. */
async function layProduct(folder: string): Promise<void> {
  const target = await treeFolder(`product-${arch}`, {
    arch,
    busybox: true,
    folders: [...mountPoints, "var/lib/meter"],
    files: {
      ...accounts,
      "/THIS_IS_NOT_YOUR_ROOT_FILESYSTEM": "Warning!\n",
      "/etc/init.d/S50meter": "#!/bin/sh\nstart-stop-daemon -S -b -x /usr/bin/meterd\n",
      "/usr/bin/meterd": meterd("1.0"),
    },
  });
  await cp(target, join(folder, "product/target"), { recursive: true, verbatimSymlinks: true });
}

test(
  "a product whose service was part of the image runs it in a container, and exchanges it without a reboot",
  async () => {
    await mkdir(join(buildFolder, "run"), { recursive: true });
    const folder = await mkdtemp(join(buildFolder, "run", "migration-"));
    try {
      const program = join(repository, "dist", `cairn-${hostArch()}`);
      await mkdir(join(folder, "bin"));
      await symlink(program, join(folder, "bin/cairn"));
      const shell = (commands: string): Promise<string> =>
        run(["sh", "-eux", "-c", commands], {
          cwd: folder,
          env: { PATH: `${join(folder, "bin")}:${process.env["PATH"]}`, PVR_CONFIG_DIR: join(folder, ".pvr") },
          both: true,
        });
      const [service, update, ...more] = await blocks("sh");
      const [onDevice, ...others] = await blocks("device");
      if (service === undefined || update === undefined || onDevice === undefined)
        throw new Error("the page lost a step");
      expect([more, others]).toEqual([[], []]);

      await layProduct(folder);
      // What make leaves: the base system alone, and here the container by which the harness looks into a device.
      const base = await revision({ arch, containers: [await probeContainer(arch)] });
      const repositoryFolder = "gateway/images/revision";
      const cairn = await desk(folder);
      await cairn(["new", repositoryFolder, "--objects", ".pvr/objects"]);
      await layWorkingCopy(join(folder, repositoryFolder), base.parts);
      await cairn(["add"], { at: repositoryFolder });
      await cairn(["commit", "-m", "base system"], { at: repositoryFolder });

      await shell(service);
      await cairn(["post", "../../../first"], { at: repositoryFolder });
      await writeFile(join(folder, "product/target/usr/bin/meterd"), meterd("1.1"));
      await shell(update);

      const first = await released(join(folder, "first"), base);
      const second = await released(join(folder, "update"), base);
      expect(first.state).toContain('"meter/run.json"');
      const options = { arch, revision: first, disk: { prepare: bringAlong({ update: second }, first) } };
      await withDevice({ name: `migration-${arch}`, ...options }, async (device) => {
        await device.console(/goals reached: .*app reached/, 120_000);
        const said = (rev: string): Promise<string> => device.must(`cat /storage/logs/${rev}/meter/lxc/console.log`);
        expect(await said("0")).toContain("meter 1.0, start 1");
        const probed = await device.must("cat /proc/uptime; cairn ctl containers ls");
        expect(probed).toContain("meter");
        const installed = await device.must(onDevice, 240_000);
        expect(installed).toContain("locals/");
        await device.console(/meter: STARTING → STARTED/);
        const logs = await device.must(
          "cat /storage/logs/locals/*/meter/lxc/console.log /storage/logs/0/meter/lxc/console.log",
        );
        expect(logs).toContain("meter 1.1, start 2");
        expect(device.log.match(/Linux version/g)).toHaveLength(1);
        expect(await powerOff(device)).toBe("guest-shutdown");
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  minutes(8),
);
