/** From other people's tools to a running container: an image that umoci made and skopeo pushed, pulled, signed, and run in strict mode. */
import { afterAll, beforeAll, expect } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { docker } from "../author/image/registry-process.ts";
import { buildFolder, run } from "./host.ts";
import {
  accounts,
  allGoalsReached,
  containers,
  type Device,
  desk,
  layWorkingCopy,
  mountPoints,
  ociImage,
  probeContainer,
  type Revision,
  released,
  revision,
  sharedDevice,
  signer,
  testArch,
  trustStore,
  whenContainers,
} from "./index.ts";

const arch = testArch();
/** Above the build cache's other files, so that the disk's are links to them. */
let folder = "";
let digest = "";

const image = () =>
  ociImage(`sample-${arch}`, {
    tree: {
      arch,
      busybox: true,
      folders: [...mountPoints, "srv"],
      files: {
        ...accounts,
        "/etc/passwd": `${accounts["/etc/passwd"]}www:x:33:34:www:/var/www:/bin/false\n`,
        "/etc/group": `${accounts["/etc/group"]}www:x:34:\naudio:x:29:www\n`,
        "/serve": "#!/bin/sh\ntrap 'echo asked to end; exit 0' INT\nwhile :; do sleep 1000 & wait; done\n",
      },
    },
    entrypoint: ["/serve", "--greeting"],
    cmd: ["good day", 'it\'s "$HOME"'],
    env: ["PATH=/bin", "GREETING=good day, $USER", "EMPTY="],
    user: "www",
    workingFolder: "/srv",
    stopSignal: "SIGINT",
  });

/** The factory's revision, with a container `app` that `cairn` pulled from a registry. */
async function authored(): Promise<Revision> {
  const base = await revision({ arch, containers: [await probeContainer(arch)], base: { files: trustStore } });
  await using registry = await docker(folder);
  const layout = await image();
  const reference = `docker://${registry.host}/team/app:1.0`;
  await run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", `oci:${layout}:latest`, reference]);
  digest = (await run(["skopeo", "inspect", "--format", "{{.Digest}}", "--tls-verify=false", reference])).trim();

  const cairn = await desk(folder);
  const inDevice = (...words: readonly string[]) => cairn(words, { at: "device" });
  await cairn(["new", "device", "--objects", "../objects"]);
  await layWorkingCopy(join(folder, "device"), base.parts);
  await inDevice("app", "add", "app", "--group", "app", "--from", reference);
  await inDevice("add");
  await inDevice("commit", "-m", "an image of a registry");
  await inDevice("sign", "--raw", "device", "--key", signer("dev-ec256").key, "--x5c", signer("dev-ec256").chain);
  await inDevice("add", "_sigs");
  await inDevice("commit", "-m", "signed");
  await inDevice("post", "../release");
  return released(join(folder, "release"), base);
}

beforeAll(async () => {
  await mkdir(join(buildFolder, "run"), { recursive: true });
  folder = await mkdtemp(join(buildFolder, "run", "image-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const test = sharedDevice(async () => ({ name: `image-${arch}`, arch, revision: await authored() }));

/** A file of the first process of `app` below /proc, its NULs as ends of lines. */
async function ofProcess(device: Device, file: string): Promise<readonly string[]> {
  const app = (await containers(device)).find(({ name }) => name === "app");
  return (await device.must(`tr '\\0' '\\n' </proc/${app?.pid}/${file}`)).trimEnd().split("\n");
}

test("it starts on a device that insists on signatures", async (device) => {
  await device.must("true", 180_000);
  const running = await whenContainers(device, "every goal", allGoalsReached, 120_000);
  expect(running.map(({ name, status }) => `${name} ${status}`).toSorted()).toEqual(["app STARTED", "probe STARTED"]);
  expect(await device.must("cat /storage/logs/0/pantavisor/pantavisor.log")).toContain("signatures: strict");
  expect(await device.must("cat /storage/trails/0/app/root.erofs.docker-digest")).toEndWith(`/team/app@${digest}`);
});

test("its root is the image's, packed as EROFS", async (device) => {
  expect(await device.must("cat /proc/mounts")).toMatch(/ \/volumes\/app\/root\.erofs erofs ro/);
});

test("it runs what the image says, word for word", async (device) => {
  expect(await ofProcess(device, "cmdline")).toEqual(["/bin/sh", "/serve", "--greeting", "good day", 'it\'s "$HOME"']);
});

test("it runs as the image's user, with that user's groups and no others", async (device) => {
  const status = await ofProcess(device, "status");
  const of = (key: string) =>
    status
      .find((line) => line.startsWith(`${key}:`))
      ?.split(/\s+/)
      .slice(1)
      .filter((word) => word !== "");
  expect(of("Uid")).toEqual(["33", "33", "33", "33"]);
  expect(of("Gid")).toEqual(["34", "34", "34", "34"]);
  expect(of("Groups")).toEqual(["29"]);
});

test("it has the image's environment, and HOME of its user", async (device) => {
  const environment = await ofProcess(device, "environ");
  for (const setting of ["PATH=/bin", "GREETING=good day, $USER", "EMPTY=", "HOME=/var/www"])
    expect(environment).toContain(setting);
});

test("it starts in the image's working directory", async (device) => {
  const app = (await containers(device)).find(({ name }) => name === "app");
  expect((await device.must(`readlink /proc/${app?.pid}/cwd`)).trim()).toBe("/srv");
});

test("it is asked to end by the image's signal", async (device) => {
  await device.must("cairn ctl containers stop app");
  expect(await device.must("cat /storage/logs/0/app/lxc/console.log")).toContain("asked to end");
});
