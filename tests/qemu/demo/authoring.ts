/** The author's part of the demo: a device and what will change it, made with `cairn` as a user would, and signed. */
import { copyFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildFolder, cached } from "../host.ts";
import {
  type Arch,
  type BaseOptions,
  desk,
  type Json,
  layWorkingCopy,
  probeContainer,
  type Revision,
  released,
  revision,
  typed,
} from "../index.ts";
import { containers, layImages } from "./containers.ts";

/** What is brought to the device, in this order. */
export type ReleaseName = "unsigned" | "web2" | "base2" | "silent" | "dying";

export interface Authored {
  /** Where all of it lies: keys, images, the repository, releases. */
  readonly folder: string;
  readonly factory: Revision;
  readonly releases: Readonly<Record<ReleaseName, Revision>>;
}

export interface Telling {
  heading(text: string): void;
  say(text: string): void;
}

const sign = ["sign", "--key", "../signer.pem", "--x5c", "../signer.crt"];
const verify = ["verify", "--strict", "--trust", "../authority.crt"];

/** `device` is its device.json. */
export async function author(arch: Arch, device: Json, { heading, say }: Telling): Promise<Authored> {
  const folder = join(buildFolder, "demo", arch);
  await rm(folder, { recursive: true, force: true });
  const cairn = await desk(folder, say);
  const at = "device";
  const inDevice = (...words: readonly string[]): Promise<string> => cairn(words, { at });

  heading(`An author's desk, ${folder}: an authority that devices trust, and a key that it vouches for`);
  const trust = await layAuthority(folder, say);
  const issued = ["--issued", "Demo releases", "--ca", "authority.crt", "--ca-key", "authority.pem"];
  say(await cairn(["key", "new", "signer.pem", ...issued]));

  heading(
    "Base system: Debian's kernel and programs with Cairn and the authority's certificate, in place of Buildroot's",
  );
  const base = await baseSystem(arch, device, { compact: true, files: trust });
  const changed = await baseSystem(arch, device, { files: { ...trust, "/etc/motd": "base system 2\n" } });
  const noInit = await baseSystem(arch, device, { init: "#!/bin/sh\necho this base system has no good process 1\n" });
  sizes(base, say);

  heading("A revision: the base system, and containers from images and root file systems");
  await layImages(arch, join(folder, "images"));
  await cairn(["new", at, "--objects", "../objects"]);
  await layWorkingCopy(join(folder, at), base.parts);
  await inDevice("add");
  await inDevice("commit", "-m", "base system");
  for (const words of containers) await inDevice("app", "add", ...words);
  say(await inDevice("app", "ls"));
  await inDevice("add");
  await inDevice("commit", "-m", "containers");
  say(await inDevice(...sign, "--raw", "device"));
  await inDevice("add", "_sigs");
  await inDevice("commit", "-m", "signed");
  const [verdict = "", ...keys] = (await inDevice(...verify)).split("\n");
  say(`${verdict}\n(${keys.length} keys, a line each)`);

  const post = async (name: string, made: Revision): Promise<Revision> => {
    await inDevice("post", `../releases/${name}`);
    return released(join(folder, "releases", name), made);
  };
  const signAndPost = async (name: string, made: Revision): Promise<Revision> => {
    await inDevice(...sign, "--update");
    await inDevice("commit", "-m", `${name}, signed`);
    return post(name, made);
  };
  const exchangeBase = async (made: Revision): Promise<void> => {
    const key = "bsp/rootfs.squashfs";
    const part = made.parts.get(key);
    if (part === undefined || !("file" in part)) throw new Error(`a base system without ${key}`);
    say(`${at}$ cp ${part.file} ${key}`);
    await copyFile(part.file, join(folder, at, key));
  };
  const factory = await post("factory", base);

  heading("What will change it: first a new web container, which the signature of before does not cover");
  await inDevice("app", "update", "web", "--from", "oci:../images/web-2");
  await inDevice("commit", "-m", "web 2");
  say(await cairn(verify, { at, fails: true }));
  const unsigned = await post("unsigned", base);
  const web2 = await signAndPost("web2", base);
  say(await inDevice("explain", "--trust", "../authority.crt", "--against", "../releases/factory"));

  heading("A new base system, and two releases that are broken");
  await exchangeBase(changed);
  await inDevice("commit", "-m", "base system 2");
  const base2 = await signAndPost("base2", changed);
  await inDevice("app", "update", "web", "--status-goal", "READY");
  await inDevice("commit", "-m", "web is to say when it is ready, and never does");
  const silent = await signAndPost("silent", changed);
  await inDevice("get", "../releases/base2");
  await inDevice("checkout");
  await exchangeBase(noInit);
  await inDevice("commit", "-m", "a base system without a good process 1");
  const dying = await signAndPost("dying", noInit);
  return { folder, factory, releases: { unsigned, web2, base2, silent, dying } };
}

/** The base system with what is no image's: the container by which the harness looks into the device. */
const baseSystem = async (arch: Arch, device: Json, base: BaseOptions): Promise<Revision> =>
  revision({ arch, device, containers: [await probeContainer(arch)], base });

/** Made once, as authorities are: base systems have its certificate in them. Gives their files. */
async function layAuthority(folder: string, say: Telling["say"]): Promise<Readonly<Record<string, string>>> {
  const words = ["key", "new", "authority.pem", "--self-signed", "Demo authority", "--authority"];
  say(`${typed(words)}     # once; this one is kept for later demos`);
  const made = await cached("demo/authority", ["authority 1", words], async (scratch) => {
    const cairn = await desk(scratch);
    await cairn(words);
  });
  for (const file of ["authority.pem", "authority.crt"]) await copyFile(join(made, file), join(folder, file));
  const certificate = await readFile(join(made, "authority.crt"), "utf8");
  return { "/etc/pantavisor/pvs/trust/ca-certificates.crt": certificate };
}

function sizes({ sizes: table }: Revision, say: Telling["say"]): void {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1).padStart(6)} MiB`;
  for (const [what, bytes] of Object.entries(table)) say(`${what.padEnd(20)} ${mib(bytes)}`);
  const base = (table["kernel"] ?? 0) + (table["initramfs"] ?? 0) + (table["base system"] ?? 0);
  say(`${"= base image".padEnd(20)} ${mib(base)}   (kernel, initramfs, base system; budget on x86_64: 64 MiB)`);
}
