import { err, type Result } from "../../result.ts";
import type { ContainerName } from "../../state/index.ts";
import { type AppChange, type AppPorts, checkedContainer, finish } from "./compose.ts";
import { type Device, readText } from "./device.ts";
import type { AppError } from "./error.ts";
import { type Wishes, withWishes } from "./requests.ts";
import { parseSource, type Source, toSource } from "./template/index.ts";
import { replaceFolder } from "./work-folder.ts";

/** A part of another repository or export that becomes a container here. */
export interface PartRequest {
  readonly name: ContainerName;
  readonly device: Device;
  /** `../gateway#web`, `release.tgz#web`. */
  readonly from: string;
  readonly wishes: Wishes;
  /** What its author has said here before; it wins over what comes with the part. */
  readonly before: Source | null;
}

/**
 * Takes a part with its root as it is, and makes the documents anew where its `src.json` says enough for it (reference authoring 2.2,
 * type `pvr`). One that does not keeps its documents, and so its name. Brought anew, the folder becomes the part: other files in
 * it are gone.
 */
export function takePart(
  { disk, parts }: AppPorts,
  root: string,
  { name, device, from, wishes, before }: PartRequest,
): Promise<Result<AppChange, AppError>> {
  return replaceFolder(
    disk,
    root,
    name,
    () => before !== null,
    async (folder) => {
      const part = await parts.unpack(from, folder.path);
      if (!part.ok) return err({ kind: "image", from, why: part.error });
      const text = await readText(disk, `${folder.path}/src.json`);
      if (!text.ok) return text;
      const brought = text.value === null ? toSource({}) : parseSource(text.value);
      if (!brought.ok) return err({ kind: "source", name, error: brought.error });
      const source = { ...withWishes(mergedWith(brought.value, before), wishes), pvr: from };
      if (Object.keys(source.docker_config ?? {}).length > 0) {
        const container = checkedContainer(name, source, device);
        if (!container.ok) return container;
        return finish(folder, device, { name, source, container: container.value, remarks: [] }, true);
      }
      if (part.value !== name) return err({ kind: "keepsName", name, part: part.value, from });
      return finish(folder, device, { name, source, container: null, remarks: [KEPT] }, true);
    },
  );
}

const KEPT = "nothing says what its image is, so its run.json and LXC configuration stay as they came";

/** Arguments and volumes that were chosen here stay chosen. */
function mergedWith(brought: Source, before: Source | null): Source {
  if (before === null) return brought;
  return {
    ...brought,
    args: { ...brought.args, ...before.args },
    persistence: { ...brought.persistence, ...before.persistence },
    ...(before.config === undefined ? {} : { config: { ...brought.config, ...before.config } }),
  };
}
