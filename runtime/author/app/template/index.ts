/**
 * From a `src.json` to what a device needs: `run.json` and `lxc.container.conf`, as `pvr`'s template `builtin-lxc-docker` makes them
 * (reference authoring 2.1, 2.4). Pure. Everything that comes from an image is data here: whatever it holds, it can end no line and
 * set no key.
 */
import { err, ok, type Result } from "../../../result.ts";
import { type ContainerName, type Json, parseContainerName } from "../../../state/index.ts";
import { Arguments } from "./arguments.ts";
import { Findings, type TemplateFault } from "./findings.ts";
import { effectiveConfig, readImageConfig } from "./image-config.ts";
import { lxcConfig, userOf } from "./lxc-config.ts";
import { isPlainData, manifest, type RootFiles } from "./manifest.ts";
import type { Source } from "./source.ts";
import { storageOf } from "./volumes.ts";

export { jsonArguments, knownArguments, listArguments } from "./arguments.ts";
export { explainFaults, type TemplateFault } from "./findings.ts";
export { effectiveConfig } from "./image-config.ts";
export { CONFIG_FILE, type RootFiles } from "./manifest.ts";
export { explainSource, parseSource, type Source, type SourceError, sourceText, toSource } from "./source.ts";
export { type Accounts, type ImageUser, resolveUser } from "./user.ts";

export interface TemplateInput {
  readonly name: ContainerName;
  readonly source: Source;
  readonly root: RootFiles;
  /** Groups of the device in start order; none: it has not said which. */
  readonly groups: readonly string[];
}

export interface Container {
  readonly runJson: Json;
  /** null: the container is only mounted, and has no configuration. */
  readonly lxcConfig: string | null;
  /** What an author should know, one sentence each. */
  readonly remarks: readonly string[];
}

/** Error: every reason why there is no container, at least one. */
export function makeContainer({
  name,
  source,
  root,
  groups,
}: TemplateInput): Result<Container, readonly TemplateFault[]> {
  const findings = new Findings();
  const { base = "" } = source;
  if (base !== "" && parseContainerName(base) === null)
    findings.refuse("shape", "base", base, "the name of a container");
  const args = new Arguments(source.args ?? {}, findings);
  const image = readImageConfig(effectiveConfig(source), findings);
  const user = isPlainData(args) ? null : userOf(source, image, findings);
  const storage = storageOf(source.persistence ?? {}, image.volumes, user, findings);
  const runJson = manifest(name, source, args, storage, root, groups);
  const config = isPlainData(args) ? null : lxcConfig(name, source, image, args, user, storage, root, findings);
  if (findings.faults.length > 0) return err(findings.faults);
  return ok({ runJson, lxcConfig: config, remarks: findings.remarks });
}
