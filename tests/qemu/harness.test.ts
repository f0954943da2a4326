/** The harness judges devices; here it is shown that its judgement can come out either way. No machine is booted. */
import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { containerParts } from "./container.ts";
import { checkStorage, makeDisk, readStorageFile } from "./disk.ts";
import { linkage } from "./elf.ts";
import { storageStart } from "./head.ts";
import { buildFolder, run } from "./host.ts";
import { canonical } from "./json.ts";
import { archive, file, folder, link } from "./newc.ts";
import { Transcript } from "./transcript.ts";

await mkdir(buildFolder, { recursive: true });
const scratch = await mkdtemp(join(buildFolder, "harness-"));
afterAll(() => rm(scratch, { recursive: true }));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a fresh storage partition is clean; one with a damaged inode is neither clean nor sound", async () => {
  const disk = join(scratch, "disk.img");
  await makeDisk(disk, join(scratch, "storage"), { revisions: {}, storageMib: 64, files: { "a/b": "text" } });
  expect(await checkStorage(disk)).toMatchObject({ clean: true, sound: true });
  expect(await readStorageFile(disk, "/a/b")).toBe("text");
  expect(await readStorageFile(disk, "/a/c")).toBeNull();
  await run(["debugfs", "-w", "-R", "clri /a/b", `${disk}?offset=${storageStart}`]);
  expect(await checkStorage(disk)).toMatchObject({ clean: false, sound: false });
});

test("evidence is matched in order, also when it arrives in pieces", async () => {
  const transcript = new Transcript();
  transcript.feed(bytes("one\r\ntw"));
  await transcript.next(/^one$/m);
  const second = transcript.next(/^two (\d)$/m);
  transcript.feed(bytes("o 2\r\none again\r\n"));
  expect((await second)[1]).toBe("2");
  expect((await transcript.next(/one/))[0]).toBe("one");
  const never = transcript.next(/two/);
  expect(await Promise.race([never, Bun.sleep(20).then(() => "nothing")])).toBe("nothing");
});

test("a state's text has its keys in the order of their bytes", () => {
  // U+1F600 sorts after U+FF5E by bytes, before it by UTF-16 units.
  expect(canonical({ "\u{1F600}": 1, "\uFF5E": [{ b: null, a: "x" }], B: 1.5, a: true })).toBe(
    '{"B":1.5,"a":true,"\uFF5E":[{"a":"x","b":null}],"\u{1F600}":1}',
  );
});

test("a container has the parts and the text that pvr gives it", async () => {
  const parts = await containerParts(
    {
      name: "web",
      root: "/image",
      command: ["/bin/serve", "--say", "two words"],
      environment: ["A=1"],
      args: { PV_GROUP: "app", PV_STATUS_GOAL: "READY" },
      persistence: { "/var/lib/web/": "permanent" },
      config: { "/etc/app.conf": "x" },
    },
    async () => "d".repeat(64),
  );
  expect([...parts.keys()].toSorted()).toEqual([
    "_config/web/etc/app.conf",
    "web/lxc.container.conf",
    "web/root.squashfs",
    "web/root.squashfs.rootfs-digest",
    "web/run.json",
    "web/src.json",
  ]);
  expect(parts.get("web/lxc.container.conf")).toEqual({
    bytes: `lxc.tty.max = 8
lxc.pty.max = 1024
lxc.cgroup.devices.allow = a
lxc.rootfs.path = overlayfs:/volumes/web/root.squashfs:/volumes/web/lxc-overlay/upper
lxc.init.cmd = /bin/serve "--say" "two words"
lxc.environment = A=1
lxc.namespace.keep = user net ipc
lxc.mount.auto = proc sys:rw cgroup
lxc.mount.entry = /etc/resolv.conf etc/resolv.conf none bind,rw,create=file 0 0
lxc.mount.entry = tmpfs run tmpfs rw,nodev,relatime,create=dir,mode=755 0 0
lxc.mount.entry = /volumes/web/docker--var-lib-web var/lib/web/ none bind,rw,create=dir 0 0
`,
  });
  expect(parts.get("web/run.json")).toEqual({
    json: {
      "#spec": "service-manifest-run@1",
      name: "web",
      config: "lxc.container.conf",
      type: "lxc",
      drivers: { manual: [], optional: [], required: [] },
      group: "app",
      status_goal: "READY",
      storage: { "docker--var-lib-web": { persistence: "permanent" }, "lxc-overlay": { persistence: "boot" } },
      "root-volume": "root.squashfs",
      volumes: [],
    },
  });
});

test("cpio reads the archive back", async () => {
  const made = archive([folder("bin"), file("bin/a", "text of a", 0o755), link("bin/b", "a")]);
  const listing = await run(["cpio", "--extract", "--quiet", "--to-stdout", "bin/a"], { stdin: made });
  expect(listing).toBe("text of a");
  expect(Buffer.from(archive([folder("bin")])).equals(Buffer.from(archive([folder("bin")])))).toBe(true);
});

test("a program's libraries are those that its header names", async () => {
  const links = linkage(await Bun.file(process.execPath).bytes());
  expect(links?.interpreter).toMatch(/^\/lib(64)?\/ld-linux-/);
  expect(links?.needed).toContain("libc.so.6");
  expect(linkage(bytes("#!/bin/sh\n"))).toBeNull();
});
