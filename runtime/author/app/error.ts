import { unreachable } from "../../result.ts";
import { type DiskError, explainDiskError } from "../../store/index.ts";
import { explainRepository, type RepositoryError } from "../repository/index.ts";
import { explainFaults, explainSource, type SourceError, type TemplateFault } from "./template/index.ts";

export type AppError =
  | { readonly kind: "repository"; readonly error: RepositoryError }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "exists"; readonly name: string }
  | { readonly kind: "missing"; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: "unsupported"; readonly name: string; readonly what: string }
  /** `groups`: those that the device has. */
  | { readonly kind: "group"; readonly name: string; readonly group: string; readonly groups: readonly string[] }
  | { readonly kind: "document"; readonly file: string; readonly why: string }
  | { readonly kind: "source"; readonly name: string; readonly error: SourceError }
  | { readonly kind: "template"; readonly name: string; readonly faults: readonly TemplateFault[] }
  | { readonly kind: "image"; readonly from: string; readonly why: string }
  /** `install` found another image than `src.json` names. */
  | {
      readonly kind: "otherImage";
      readonly name: string;
      readonly from: string;
      readonly found: string;
      readonly wanted: string;
    }
  /** A part without image data cannot get another name. */
  | { readonly kind: "keepsName"; readonly name: string; readonly part: string; readonly from: string }
  | { readonly kind: "noSource"; readonly name: string }
  | { readonly kind: "disk"; readonly error: DiskError };

/** What was wanted, what stood in its way, and what to do. */
export function explainApp(error: AppError): string {
  switch (error.kind) {
    case "repository":
      return explainRepository(error.error);
    case "name":
      return `${JSON.stringify(error.name)} cannot be a container's name: wanted 1 to 64 of A-Z a-z 0-9 . _ -, and not bsp`;
    case "exists":
      return `${error.name} is there already: "cairn app update ${error.name}" brings a newer image`;
    case "missing": {
      const others = error.names.length === 0 ? "" : `; there is ${error.names.join(", ")}`;
      return `${error.name}/src.json is missing, so nothing says where the container comes from${others}`;
    }
    case "unsupported":
      return `${error.name}: ${error.what} cannot be made yet; its src.json is left as it is`;
    case "group":
      return `${error.name}: the device has no group "${error.group}"; there is ${error.groups.join(", ")}`;
    case "document":
      return `${error.file}: ${error.why}`;
    case "source":
      return explainSource(error.name, error.error);
    case "template":
      return explainFaults(error.name, error.faults);
    case "image":
      return error.why.includes(error.from) ? error.why : `${error.from}: ${error.why}`;
    case "otherImage":
      return `${error.from} is ${error.found} by now, and ${error.name}/src.json wants ${error.wanted}: "cairn app update ${error.name}" takes the new one`;
    case "keepsName":
      return `${error.from} has nothing from which it could be made as ${error.name}: its files say ${error.part}, so add it under that name`;
    case "noSource":
      return `${error.name}/src.json names no image, root file system or repository: "cairn app update ${error.name} --from …" does`;
    case "disk":
      return explainDiskError(error.error);
    default:
      return unreachable(error);
  }
}
