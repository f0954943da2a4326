import { explainLinux, type LinuxError } from "../linux/index.ts";
import { explainLxc, type LxcError } from "../lxc/index.ts";
import { unreachable } from "../result.ts";
import type { MountPlanError } from "./mount-plan.ts";
import type { VolumeError } from "./volumes.ts";

export type DriverCause = LinuxError | { readonly kind: "undefinedAlias" };

/** What follows the name of the driver. */
export const explainDriverCause = (cause: DriverCause): string =>
  cause.kind === "undefinedAlias" ? "is not defined in bsp/drivers.json" : `cannot be loaded: ${explainLinux(cause)}`;

/** Why a container could not be mounted or started. */
export type ContainerError =
  | MountPlanError
  | VolumeError
  | LxcError
  | { readonly kind: "driver"; readonly alias: string; readonly cause: DriverCause }
  | { readonly kind: "file"; readonly path: string; readonly cause: string }
  | { readonly kind: "unsupported"; readonly what: string };

export function explainVolumeError({ cause, step }: VolumeError): string {
  if (cause.kind === "missing") return `volume ${step.target}: ${cause.path} is not there`;
  return `volume ${step.target} cannot be mounted: ${explainLinux(cause)}`;
}

/** One sentence for logs, progress records and people. */
export function explainContainerError(error: ContainerError): string {
  switch (error.kind) {
    case "unknownDisk":
      return `volume ${error.volume} wants disk "${error.disk}", which device.json does not define`;
    case "unsupportedDisk":
      return `volume ${error.volume} is on disk "${error.disk}" of type ${error.type}, which this version cannot mount`;
    case "volume":
      return explainVolumeError(error);
    case "driver":
      return `required driver "${error.alias}" ${explainDriverCause(error.cause)}`;
    case "file":
      return `${error.path}: ${error.cause}`;
    case "unsupported":
      return error.what;
    case "lxcMissing":
    case "lxcVersion":
    case "lxcAbi":
    case "lxc":
      return explainLxc(error);
    default:
      return unreachable(error);
  }
}
