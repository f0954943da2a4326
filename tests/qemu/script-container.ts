/** A container whose only process is a shell script. */
import type { ContainerSpec } from "./container.ts";
import type { Arch } from "./host.ts";
import { squashfs, type TreeSpec } from "./tree.ts";

/** Mount points that `pvr` makes sure of in every root. */
export const mountPoints: readonly string[] = ["dev", "proc", "sys", "run", "tmp", "var/tmp", "etc"];
export const accounts: Readonly<Record<string, string>> = {
  "/etc/passwd": "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
};

/** `more` adds to its tree and to its description. */
export async function scriptContainer(
  arch: Arch,
  name: string,
  script: string,
  more: { readonly tree?: Partial<TreeSpec>; readonly spec?: Partial<ContainerSpec> } = {},
): Promise<ContainerSpec> {
  const { files, ...tree } = more.tree ?? {};
  const root = await squashfs(
    `script-${arch}`,
    {
      arch,
      busybox: true,
      folders: mountPoints,
      ...tree,
      files: { ...accounts, ...files, "/init": `#!/bin/sh\n${script}` },
    },
    { level: 3 },
  );
  return { name, root, command: ["/init"], args: { PV_GROUP: "app" }, ...more.spec };
}
