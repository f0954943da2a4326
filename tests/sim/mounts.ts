import { err, invariant } from "../../runtime/result.ts";
import type { Disk, DiskResult } from "../../runtime/store/index.ts";

/**
 * Several disks as one, each mounted at a path: `/storage` and the boot partition at `/boot`. The longest path that fits is taken. A
 * path on none of them is a mistake of ours; make one at `/` if there should be room for everything.
 */
export function mounts(disks: Readonly<Record<string, Disk>>): Disk {
  const points = Object.entries(disks).sort(([a], [b]) => b.length - a.length);
  const on = (path: string): Disk => {
    const found = points.find(([at]) => path === at || at === "/" || path.startsWith(`${at}/`));
    invariant(found !== undefined, `${path} is on one of the disks`);
    return found[1];
  };
  const onOne = (
    call: string,
    why: string,
    one: string,
    path: string,
    act: (disk: Disk) => DiskResult<void>,
  ): DiskResult<void> => {
    const disk = on(one);
    if (disk === on(path)) return act(disk);
    return Promise.resolve(err({ kind: "otherFileSystem", call, path, why, code: "EXDEV" }));
  };
  return {
    open: (why, path) => on(path).open(why, path),
    create: (why, path, mode) => on(path).create(why, path, mode),
    fsync: (why, path) => on(path).fsync(why, path),
    rename: (why, from, path) => onOne("rename", why, from, path, (disk) => disk.rename(why, from, path)),
    exchange: (why, a, path) => onOne("exchange", why, a, path, (disk) => disk.exchange(why, a, path)),
    settle: (why, path) => on(path).settle(why, path),
    link: (why, from, path) => onOne("link", why, from, path, (disk) => disk.link(why, from, path)),
    symlink: (why, target, path) => on(path).symlink(why, target, path),
    readlink: (why, path) => on(path).readlink(why, path),
    unlink: (why, path) => on(path).unlink(why, path),
    mkdir: (why, path, mode) => on(path).mkdir(why, path, mode),
    rmdir: (why, path) => on(path).rmdir(why, path),
    stat: (why, path) => on(path).stat(why, path),
    list: (why, path) => on(path).list(why, path),
    space: (why, path) => on(path).space(why, path),
  };
}
