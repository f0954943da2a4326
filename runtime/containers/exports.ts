import { mkdirSync } from "node:fs";
import { bindForeignMount, explainLinux, viaNode } from "../linux/index.ts";
import type { Container } from "../state/index.ts";
import { exportsDir } from "./layout.ts";

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** `/a/b` → `/a`, `/a/b`. */
function prefixes(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/**
 * A liblxc mount hook that makes shared mounts of what a container exports (reference 2.10), so that what it mounts there later can
 * be seen outside. It runs in the container's mount namespace while host paths are still visible: a symlink on the way would lead
 * out of the container's root here, so it ends the start instead.
 */
export function exportHook(container: Container): string {
  const lines = container.exports.flatMap((path) => {
    const inside = `"$LXC_ROOTFS_MOUNT"${quoted(path)}`;
    return [
      ...prefixes(path).map((prefix) => `[ ! -L "$LXC_ROOTFS_MOUNT"${quoted(prefix)} ]`),
      `mkdir -p ${inside}`,
      `mount --bind ${inside} ${inside}`,
      `mount --make-shared ${inside}`,
    ];
  });
  return `#!/bin/sh\nset -e\n${lines.join("\n")}\n`;
}

/**
 * Offers what a running container exports at `/exports/<container>/<path>`, where others import it from. The hook cannot: liblxc
 * makes every mount of the host a slave in the container, so nothing that is mounted there comes out again. The value lists what
 * could not be offered.
 *
 * @param pid the container's init
 */
export function offerExports(container: Container, pid: number): readonly string[] {
  return container.exports.flatMap((path) => {
    const target = `${exportsDir}/${container.name}${path}`;
    const made = viaNode("mkdir", { path: target }, () => mkdirSync(target, { recursive: true }));
    const offered = made.ok ? bindForeignMount({ pid, path }, target) : made;
    return offered.ok ? [] : [`${path} is not exported: ${explainLinux(offered.error)}`];
  });
}
