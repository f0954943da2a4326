/** Mounts real volumes in a mount namespace of its own and prints what it saw: `bun volumes-on-host.ts <empty folder>`. */
import { chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import type { MountStep } from "../../runtime/containers/mount-plan.ts";
import { mountVolumes, unmountBelow, unmountVolumes } from "../../runtime/containers/volumes.ts";
import { listLoops, mount, readMountinfo, setPropagation } from "../../runtime/linux/index.ts";

const [folder = ""] = process.argv.slice(2);

function must<T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}
const mounted = (): readonly string[] =>
  must(readMountinfo())
    .filter(({ target }) => target.startsWith(`${folder}/`))
    .map(({ target }) => target.slice(folder.length));
const loops = (): number => must(listLoops()).filter(({ backingFile }) => backingFile.startsWith(folder)).length;

writeFileSync(`${folder}/file`, "");
writeFileSync(`${folder}/bad.squashfs`, new Uint8Array(8192));
const memory: MountStep = { kind: "tmpfs", target: `${folder}/memory` };
const file: MountStep = { kind: "bind-file", source: `${folder}/file`, target: `${folder}/deep/file` };
const image = { kind: "image", target: `${folder}/image`, fstype: "squashfs", verity: null } as const;
const cause = (steps: readonly MountStep[]): string => {
  const done = mountVolumes(steps);
  return done.ok ? "" : done.error.cause.kind === "sys" ? done.error.cause.code : done.error.cause.kind;
};

const good = mountVolumes([memory, file]).ok && mounted();
const undone = { busy: unmountVolumes([memory, file]), mounted: mounted() };
const failures = {
  badImage: cause([memory, file, { ...image, source: `${folder}/bad.squashfs` }]),
  missing: cause([memory, { ...image, source: `${folder}/none` }]),
  fileInTheWay: cause([memory, { kind: "tmpfs", target: `${folder}/file/below` }]),
  left: { mounted: mounted(), loops: loops() },
};

// A new volume, one with something in it, and memory: whose they are after a start, and after the next one.
const owner = { uid: 5, gid: 6 };
for (const name of ["new", "used"]) mkdirSync(`${folder}/owned/${name}`, { recursive: true });
writeFileSync(`${folder}/owned/used/file`, "");
const volumes: readonly MountStep[] = ["new", "used"].map((name) => ({
  kind: "bind-folder",
  source: `${folder}/owned/${name}`,
  target: `${folder}/seen/${name}`,
  owner,
}));
const seen = [...volumes, { kind: "tmpfs", target: `${folder}/seen/memory`, owner } as const];
const owned = [1, 2].map(() => {
  must(mountVolumes(seen));
  const owners = seen.map(({ target }) => {
    const { uid, gid } = statSync(target);
    return `${uid}:${gid}`;
  });
  chownSync(`${folder}/owned/new`, 7, 7); // the container gives it to somebody else, and writes
  writeFileSync(`${folder}/owned/new/file`, "");
  unmountVolumes(seen);
  return owners;
});

// Mounts below two containers' exports that outlive the mount namespace they were made in.
const exports = `${folder}/exports`;
mkdirSync(`${folder}/rootfs`);
for (const name of ["web", "web2"]) mkdirSync(`${exports}/${name}/a b`, { recursive: true });
must(mount({ source: exports, target: exports, type: "", flags: ["bind"] }));
must(setPropagation(exports, "shared"));
for (const name of ["web", "web2"]) {
  const offer = `set -e
    mount -t tmpfs rootfs rootfs; mkdir rootfs/in
    mount --bind rootfs/in rootfs/in; mount --make-shared rootfs/in
    mount --bind rootfs/in 'exports/${name}/a b'
    mkdir rootfs/in/sub; mount -t tmpfs sub rootfs/in/sub`;
  const child = Bun.spawnSync(["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", offer], { cwd: folder });
  if (child.exitCode !== 0) throw new Error(child.stderr.toString());
}
const offered = mounted();
const busy = unmountBelow(`${exports}/web`);
console.log(JSON.stringify({ good, undone, failures, owned, exports: { offered, busy, left: mounted() } }));
