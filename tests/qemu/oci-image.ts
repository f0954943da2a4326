/** Images as others make them: a tree and a configuration become an OCI layout, by umoci. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Arch, cached, run } from "./host.ts";
import { type TreeSpec, treeFolder } from "./tree.ts";

export interface ImageSpec {
  readonly tree: TreeSpec;
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingFolder?: string;
  readonly volumes?: readonly string[];
  /** Such as `80/tcp`. */
  readonly ports?: readonly string[];
  readonly stopSignal?: string;
}

/** How images name them (Go's GOARCH). */
const architecture: Readonly<Record<Arch, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** The layout's folder, with one image of one layer in it, tagged `latest`. Cached. */
export async function ociImage(name: string, spec: ImageSpec): Promise<string> {
  const tree = await treeFolder(name, spec.tree);
  const made = await cached(`image/${name}`, ["image 1", tree, spec], async (folder) => {
    const [layout, bundle] = [join(folder, "layout"), join(folder, "bundle")];
    const image = ["--image", `${layout}:latest`];
    const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
    await run(["umoci", "init", "--layout", layout]);
    await run(["umoci", "new", ...image]);
    await run(["umoci", "unpack", ...rootless, ...image, bundle]);
    await run(["cp", "-a", `${tree}/.`, join(bundle, "rootfs")]);
    await run(["umoci", "repack", ...image, bundle]);
    await run(["umoci", "config", ...image, ...settings(spec)]);
    await rm(bundle, { recursive: true });
  });
  return join(made, "layout");
}

function settings({ tree, user, workingFolder, stopSignal, ...lists }: ImageSpec): readonly string[] {
  const { entrypoint, cmd = [], env = [], volumes = [], ports = [] } = lists;
  const all: readonly (readonly [key: string, values: readonly (string | undefined)[]])[] = [
    ["entrypoint", entrypoint],
    ["cmd", cmd],
    ["env", env],
    ["volume", volumes],
    ["exposedports", ports],
    ["user", [user]],
    ["workingdir", [workingFolder]],
    ["stopsignal", [stopSignal]],
  ];
  const words = all.flatMap(([key, values]) =>
    values.flatMap((value) => (value === undefined ? [] : [`--config.${key}=${value}`])),
  );
  return ["--os=linux", `--architecture=${architecture[tree.arch]}`, ...words];
}
