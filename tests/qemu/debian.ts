/** Debian packages of any architecture, unpacked without being installed: a private apt root that asks the host's own sources. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, buildFolder, cached, locked, progress, run, sha256 } from "./host.ts";

const debianName: Readonly<Record<Arch, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The multiarch folder below /usr/lib. */
export const triplet = (arch: Arch): string => `${arch}-linux-gnu`;

// Wanted by packages for their installation only: apt is told that they are there already. What a picked program really
// links against is found from its ELF header later (see tree.ts), so an omission here costs a download and nothing else.
const neverOnDevices = [
  ..."adduser base-files base-passwd bash coreutils dash debconf debianutils diffutils dnsmasq-base dpkg findutils grep gzip".split(
    " ",
  ),
  ..."hostname init-system-helpers initramfs-tools iproute2 kmod linux-base login lsb-base mount ncurses-base".split(
    " ",
  ),
  ..."ncurses-bin nftables passwd perl perl-base python3 sed sysvinit-utils tar ucf udev util-linux".split(" "),
];

interface AptRoot {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The given packages with everything that they need, downloaded; a change of any version changes `key`. */
export interface Packages {
  readonly names: readonly string[];
  readonly key: string;
  readonly debs: readonly string[];
}

/** Downloads packages and, unless `alone`, their dependencies (never recommendations). */
export async function packages(arch: Arch, names: readonly string[], { alone = false } = {}): Promise<Packages> {
  const folder = join(buildFolder, "debian", debianName[arch]);
  const debs = await locked(join(folder, "lock"), async () => {
    const root = await aptRoot(arch, folder);
    if (!existsSync(join(folder, "updated"))) await update(root);
    try {
      return await download(root, names, alone);
    } catch {
      // Indexes grow old, and old versions leave the archive: look again once before giving up.
      await update(root);
      return await download(root, names, alone);
    }
  });
  return {
    names,
    key: sha256(JSON.stringify(debs)),
    debs: debs.map((file) => join(folder, "archives", file)),
  };
}

/** Unpacks all of them into one tree with merged /usr, as Debian has it. Cached; do not change what is in it. */
export function unpacked(set: Packages): Promise<string> {
  return cached(`unpacked/${set.names[0]}`, ["unpacked 2", set.key], async (folder) => {
    for (const name of ["bin", "lib", "lib64", "sbin"]) {
      await mkdir(join(folder, "usr", name), { recursive: true });
      await symlink(`usr/${name}`, join(folder, name));
    }
    // Not dpkg-deb -x: it would replace the merged folders' links by folders.
    for (const deb of set.debs) {
      const unpack = `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --no-same-owner`;
      await run(["bash", "-o", "pipefail", "-c", unpack, "unpack", deb, folder]);
    }
  });
}

async function aptRoot(arch: Arch, folder: string): Promise<AptRoot> {
  const config = join(folder, "apt.conf");
  for (const name of [
    "etc/apt.conf.d",
    "etc/preferences.d",
    "state/lists/partial",
    "cache",
    "archives/partial",
    "empty/partial",
  ])
    await mkdir(join(folder, name), { recursive: true });
  const lines = [
    `Dir::Etc "${folder}/etc";`, // neither the host's hooks nor its other sources
    `Dir::Etc::Trusted "/etc/apt/trusted.gpg";`,
    `Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";`,
    `Dir::State "${folder}/state";`,
    `Dir::State::Status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    `Dir::Cache::Archives "${folder}/archives";`,
    `APT::Architecture "${debianName[arch]}";`,
    `APT::Architectures { "${debianName[arch]}"; };`,
    `APT::Install-Recommends "false";`,
    `APT::Sandbox::User "";`,
    `Acquire::Retries "4";`,
    `Acquire::Languages "none";`,
    ...(await hostTransport()),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  await writeFile(join(folder, "etc", "sources.list"), "");
  for (const [name, text] of await hostSources()) {
    await mkdir(join(folder, "etc", "sources.list.d"), { recursive: true });
    await writeFile(join(folder, "etc", "sources.list.d", name), text);
  }
  const status = neverOnDevices.map(
    (name) =>
      `Package: ${name}\nStatus: install ok installed\nVersion: 99:1\nArchitecture: ${debianName[arch]}\n` +
      `Multi-Arch: foreign\nMaintainer: nobody\nDescription: kept off devices\n`,
  );
  await writeFile(join(folder, "status"), status.join("\n"));
  return { folder, env: { APT_CONFIG: config } };
}

/** How this host reaches its mirrors (proxies, time checks): the settings of apt's transports, nothing else. */
async function hostTransport(): Promise<readonly string[]> {
  const dump = await run(["apt-config", "dump"]);
  return dump.split("\n").filter((line) => /^Acquire::(https?|Check-|Allow|ForceIPv|Max-)/.test(line));
}

/** The host's sources that carry its own Debian release; third-party archives stay out. */
async function hostSources(): Promise<readonly (readonly [name: string, text: string])[]> {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1];
  if (release === undefined)
    throw new Error("/etc/os-release names no VERSION_CODENAME: device images need a Debian host");
  const parts = "/etc/apt/sources.list.d";
  const files = [
    "/etc/apt/sources.list",
    ...(existsSync(parts) ? (await readdir(parts)).map((name) => join(parts, name)) : []),
  ];
  const kept: [string, string][] = [];
  for (const [index, file] of files.filter((path) => existsSync(path)).entries()) {
    const text = await readFile(file, "utf8");
    const ours = (suite: string): boolean =>
      suite === release || suite.startsWith(`${release}-`) || suite.startsWith(`${release}/`);
    if (file.endsWith(".list")) {
      const lines = text.split("\n").filter((line) => /^deb\s/.test(line) && line.split(/\s+/).some(ours));
      if (lines.length > 0) kept.push([`${index}.list`, `${lines.join("\n")}\n`]);
    } else if (file.endsWith(".sources")) {
      const stanzas = text.split(/\n\s*\n/).filter((stanza) => {
        const suites = /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
        return suites.some(ours);
      });
      if (stanzas.length > 0) kept.push([`${index}.sources`, `${stanzas.join("\n\n")}\n`]);
    }
  }
  if (kept.length === 0)
    throw new Error(`/etc/apt names no source for Debian ${release}: add one, then run this again`);
  return kept;
}

async function update(root: AptRoot): Promise<void> {
  progress("reading Debian's package lists");
  await retried("apt-get update", () => run(["apt-get", "update", "-qq", "--error-on=any"], { env: root.env }));
  await writeFile(join(root.folder, "updated"), `${new Date().toISOString()}\n`);
}

async function download(root: AptRoot, names: readonly string[], alone: boolean): Promise<readonly string[]> {
  const stamp = await readFile(join(root.folder, "updated"), "utf8");
  const answer = join(root.folder, "answers", `${sha256(JSON.stringify([stamp, names, alone, neverOnDevices]))}.json`);
  const complete = (debs: readonly string[]): boolean =>
    debs.every((file) => existsSync(join(root.folder, "archives", file)));
  if (existsSync(answer)) {
    const debs: readonly string[] = JSON.parse(await readFile(answer, "utf8"));
    if (complete(debs)) return debs;
  }
  const command = alone ? ["apt-get", "-q", "download"] : ["apt-get", "-qy", "--download-only", "install"];
  const { env, folder } = root;
  // What is in the archives folder already is not printed: ask with an empty one.
  const asked = ["-o", `Dir::Cache::Archives=${folder}/empty`];
  const uris = await run([...command, ...asked, "--print-uris", ...names], { env });
  const debs = [...uris.matchAll(/^'\S+' (\S+\.deb) \d+/gm)].map(([, file = ""]) => file);
  if (debs.length === 0) throw new Error(`Debian has no package for ${names.join(", ")}`);
  progress(`fetching ${debs.length} packages for ${names.join(", ")}`);
  await retried(names.join(", "), () => run([...command, ...names], { env, cwd: join(folder, "archives") }));
  const missing = debs.find((file) => !existsSync(join(folder, "archives", file)));
  if (missing !== undefined) throw new Error(`${missing} did not arrive`);
  await mkdir(join(folder, "answers"), { recursive: true });
  await writeFile(answer, JSON.stringify(debs));
  return debs;
}

async function retried<T>(what: string, attempt: () => Promise<T>): Promise<T> {
  for (let left = 3; ; left -= 1) {
    try {
      return await attempt();
    } catch (cause) {
      if (left === 0) throw new Error(`cannot fetch ${what} from the Debian archive: ${String(cause)}`, { cause });
      await Bun.sleep(3_000);
    }
  }
}
