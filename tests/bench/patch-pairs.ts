/** Pairs of files as updates bring them: made once in a folder, and found there the next time. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

const top = resolve(import.meta.dir, "../..");

export const pairNames = [
  "line-erofs",
  "line-squashfs",
  "month-erofs",
  "month-squashfs",
  "binary",
  "binary-erofs",
  "state",
] as const;
export type PairName = (typeof pairNames)[number];

/** A small web server in Debian: what every container has, an interpreter, a server and what they need. */
const PACKAGES =
  "base-files base-passwd bash coreutils dash debianutils diffutils dpkg findutils grep gzip hostname init-system-helpers libc-bin login mount " +
  "passwd perl-base sed sysvinit-utils tar util-linux apt ca-certificates tzdata nginx python3 openssl curl";
/** The part of it that makes an image of 22 MB. */
const SMALL = ["bin", "etc", "lib", "sbin", "usr/lib/python3.11", "usr/lib/ssl", "usr/sbin"];
const CHANGED_LINE = "etc/nginx/nginx.conf";

function run(command: readonly string[], options: { cwd?: string; stdout?: "inherit" } = {}): string {
  const child = Bun.spawnSync([...command], { stdout: "pipe", stderr: "pipe", ...options });
  if (!child.success) throw new Error(`${command.join(" ")}\n${child.stderr}`);
  return child.stdout?.toString() ?? "";
}

/** What `make` leaves at the path it is given, or what an earlier run left there. */
function once(path: string, make: (partial: string) => void): string {
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  make(partial);
  renameSync(partial, path);
  return path;
}

const program = (...words: readonly string[]): readonly string[] => [
  process.execPath,
  join(top, "runtime/main.ts"),
  ...words,
];

/** As `cairn pack` makes it. */
const image = (folder: string, format: "erofs" | "squashfs"): string =>
  once(`${folder}.${format}`, (partial) => {
    const out = `${partial}.${format}`;
    run(program("pack", folder, "-o", out));
    renameSync(out, partial);
  });

/** The packages' files of the release as it came out ("old"), or of today ("new"), with the records that dpkg keeps of them. */
function debian(folder: string, age: "old" | "new"): string {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const archives = once(join(folder, `debian-${age}.archives`), (partial) => {
    mkdirSync(join(partial, "partial"), { recursive: true });
    writeFileSync(join(partial, "status"), "");
    const options = [
      `Dir::State::status=${partial}/status`,
      `Dir::Cache::archives=${partial}`,
      "APT::Sandbox::User=root",
      "Debug::NoLocking=1",
    ];
    const from = age === "old" ? ["-t", release] : [];
    const settings = options.flatMap((option) => ["-o", option]);
    run([
      "apt-get",
      "-qq",
      "-y",
      "--no-install-recommends",
      ...from,
      ...settings,
      "--download-only",
      "install",
      ...PACKAGES.split(" "),
    ]);
  });
  return once(join(folder, `debian-${age}`), (root) => {
    const records = join(root, "var/lib/dpkg");
    mkdirSync(join(records, "info"), { recursive: true });
    for (const name of readdirSync(archives)
      .filter((one) => one.endsWith(".deb"))
      .sort()) {
      const archive = join(archives, name);
      run(["dpkg-deb", "-x", archive, root]);
      appendFileSync(join(records, "status"), `${run(["dpkg-deb", "-f", archive])}\n`);
      run([
        "sh",
        "-c",
        'dpkg-deb --ctrl-tarfile "$1" | tar -xO ./md5sums > "$2" 2>/dev/null || true',
        "sh",
        archive,
        join(records, "info", `${name.split("_")[0]}.md5sums`),
      ]);
    }
  });
}

function small(folder: string): readonly [string, string] {
  const root = debian(folder, "new");
  const before = once(join(folder, "small-before"), (partial) => {
    for (const name of SMALL) {
      mkdirSync(dirname(join(partial, name)), { recursive: true });
      run(["cp", "-a", join(root, name), join(partial, name)]);
    }
  });
  const after = once(join(folder, "small-after"), (partial) => {
    run(["cp", "-a", before, partial]);
    const file = join(partial, CHANGED_LINE);
    const text = readFileSync(file, "utf8");
    const changed = text.replace("worker_connections 768;", "worker_connections 4096;");
    if (changed === text) throw new Error(`${CHANGED_LINE} has no such line any more`);
    writeFileSync(file, changed);
  });
  return [before, after];
}

/** Our program, and the same with another decision in one function and a new function in another. */
function binary(folder: string, which: "before" | "after"): string {
  return once(join(folder, `binary-${which}`), (partial) => {
    const work = `${partial}.work`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, "build"), { recursive: true });
    for (const name of [
      "runtime",
      "bsp-buildroot",
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "bunfig.toml",
    ]) {
      cpSync(join(top, name), join(work, name), { recursive: true });
    }
    symlinkSync(join(top, "node_modules"), join(work, "node_modules"));
    if (existsSync(join(top, "build/bun"))) symlinkSync(join(top, "build/bun"), join(work, "build/bun"));
    if (which === "after") change(work);
    run([process.execPath, "bsp-buildroot/binary.ts", "x86_64"], { cwd: work });
    renameSync(join(work, "dist/cairn-x86_64"), partial);
    rmSync(work, { recursive: true });
  });
}

function change(work: string): void {
  const file = join(work, "runtime/store/save.ts");
  const text = readFileSync(file, "utf8");
  const changed = text.replace(
    "if (!created.ok) return created;",
    'if (!created.ok && why !== "nothing") return created;',
  );
  if (changed === text) throw new Error("the line that the bench changes is there no more");
  writeFileSync(file, changed);
  appendFileSync(
    join(work, "runtime/store/index.ts"),
    "export const benchmarked = (n: number): number => n * 3 + 1;\n",
  );
}

/** A root file system with the program in it, as the base system of a device has it. */
const withBinary = (folder: string, which: "before" | "after"): string =>
  once(join(folder, `base-system-${which}`), (partial) => {
    mkdirSync(join(partial, "usr/bin"), { recursive: true });
    cpSync(binary(folder, which), join(partial, "usr/bin/cairn"));
  });

/** A state with five containers, as an author commits it. */
function state(folder: string, which: "before" | "after"): string {
  return once(join(folder, `state-${which}.json`), (partial) => {
    const digest = (what: string): string => new Bun.CryptoHasher("sha256").update(what).digest("hex");
    const members: Record<string, unknown> = { "#spec": "pantavisor-service-system@1" };
    for (const name of ["bsp", "web", "mqtt", "modem", "logger"]) {
      const is = which === "after" && name === "web" ? "new" : "old";
      members[`${name}/run.json`] = {
        "#spec": "service-manifest-run@1",
        config: "lxc.container.conf",
        name,
        "root-volume": "root.squashfs",
        storage: { "lxc-overlay": { persistence: "boot" } },
        type: "lxc",
        volumes: [],
      };
      members[`${name}/root.squashfs`] = digest(`${name} root ${is}`);
      members[`${name}/root.squashfs.docker-digest`] = digest(`${name} image ${is}`);
      members[`${name}/lxc.container.conf`] = digest(`${name} lxc`);
      members[`${name}/src.json`] = {
        "#spec": "service-manifest-src@1",
        args: {},
        docker_name: `registry.example/${name}`,
        docker_tag: "stable",
        template: "builtin-lxc-docker",
      };
    }
    writeFileSync(
      partial,
      JSON.stringify(
        members,
        Object.keys(members)
          .sort()
          .concat([
            "config",
            "name",
            "root-volume",
            "storage",
            "lxc-overlay",
            "persistence",
            "type",
            "volumes",
            "args",
            "docker_name",
            "docker_tag",
            "template",
          ]),
      ),
    );
  });
}

export function makePair(name: PairName, folder: string): { readonly base: string; readonly target: string } {
  const pair = (base: string, target: string) => ({ base, target });
  switch (name) {
    case "line-erofs":
    case "line-squashfs": {
      const [before, after] = small(folder);
      const format = name === "line-erofs" ? "erofs" : "squashfs";
      return pair(image(before, format), image(after, format));
    }
    case "month-erofs":
    case "month-squashfs": {
      const format = name === "month-erofs" ? "erofs" : "squashfs";
      return pair(image(debian(folder, "old"), format), image(debian(folder, "new"), format));
    }
    case "binary":
      return pair(binary(folder, "before"), binary(folder, "after"));
    case "binary-erofs":
      return pair(image(withBinary(folder, "before"), "erofs"), image(withBinary(folder, "after"), "erofs"));
    case "state":
      return pair(state(folder, "before"), state(folder, "after"));
  }
}
