import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { explainVolumeError, type Layout, mountVolumes, volumeStep } from "../containers/index.ts";
import { bindMount, explainLinux, kernelIdentity, mount, viaNode } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { VolumeRef } from "../state/index.ts";
import type { LoadedRevision } from "./revision.ts";

const modulesDir = "/lib/modules";

/**
 * Mounts the revision's kernel modules and firmware and offers them where programs look: `/lib/modules/<release>` and
 * `/lib/firmware` (reference 1.4). The modules image of the running kernel's release is preferred over the plain one.
 */
export async function mountBsp(revision: LoadedRevision, layout: Layout): Promise<Result<void, string>> {
  const { bsp, device } = revision.state;
  if (bsp === null) return ok(undefined);
  const { release } = kernelIdentity();
  const modules = bsp.modules.get(release) ?? bsp.modules.get("");
  const wanted: readonly (readonly [VolumeRef | null | undefined, string])[] = [
    [modules, `${modulesDir}/${release}`],
    [bsp.firmware, "/lib/firmware"],
  ];
  const files = wanted.flatMap(([ref]) => (ref ? [`bsp/${ref.file}`] : []));
  const good = await revision.check(new Set(files));
  if (!good.ok) return good;
  const world = { layout, disks: device.disks, useVerity: revision.useVerity };
  for (const [ref, target] of wanted) {
    if (ref === null || ref === undefined) continue;
    const step = volumeStep("bsp", ref, bsp.verity, world);
    const mounted = mountVolumes([step]);
    if (!mounted.ok) return err(explainVolumeError(mounted.error));
    const offered = offerFolder(target);
    if (!offered.ok) return offered;
    const bound = bindMount({ source: step.target, target, flags: ["ro"] });
    if (!bound.ok) return err(explainLinux(bound.error));
  }
  return ok(undefined);
}

/**
 * A read-only base system may lack a folder for this kernel's release: memory over `/lib/modules` makes room. Never over a parent
 * that holds more than such folders: memory over `/lib` would take our own libraries away.
 */
function offerFolder(target: string): Result<void, string> {
  if (existsSync(target)) return ok(undefined);
  const parent = dirname(target);
  if (parent !== modulesDir) return err(`the base system needs an empty folder ${target}`);
  const covered = mount({ source: "cairn", target: parent, type: "tmpfs", options: "mode=755" });
  if (!covered.ok) return err(`${explainLinux(covered.error)}: the base system needs an empty folder ${parent}`);
  const made = viaNode("mkdir", { path: target }, () => mkdirSync(target));
  return made.ok ? made : err(explainLinux(made.error));
}
