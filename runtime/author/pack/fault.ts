import { unreachable } from "../../result.ts";

/** Why nothing was packed. What was begun is gone again. */
export type PackFault =
  | { readonly kind: "noProgram"; readonly programs: readonly string[]; readonly packages: readonly string[] }
  | { readonly kind: "program"; readonly program: string; readonly detail: string }
  | { readonly kind: "io"; readonly what: string; readonly path: string; readonly code: string }
  | { readonly kind: "notWholeBlocks"; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: "cancelled" };

export function explainPack(fault: PackFault): string {
  switch (fault.kind) {
    case "noProgram":
      return `packing takes ${fault.programs.join(", ")}, which this machine lacks; on Debian: apt-get install ${fault.packages.join(" ")}`;
    case "program":
      return `${fault.program} failed: ${fault.detail}`;
    case "io":
      return `${fault.what} ${fault.path}: ${fault.code}${fault.code === "ENOSPC" ? " (TMPDIR names another place for temporary files)" : ""}`;
    case "notWholeBlocks":
      return `${fault.path} has ${fault.sizeBytes} bytes, which is no multiple of 4096: dm-verity guards whole blocks`;
    case "cancelled":
      return "cancelled: nothing was written";
    default:
      return unreachable(fault);
  }
}

/** Thrown inside; {@link asPackFault} makes a value of it at the door. */
export class PackError extends Error {
  override readonly name = "PackError";
  constructor(readonly fault: PackFault) {
    super(explainPack(fault));
  }
}

/** What was thrown as a value; null: it is not ours. */
export function asPackFault(thrown: unknown, what: string, path: string): PackFault | null {
  if (thrown instanceof PackError) return thrown.fault;
  if (!(thrown instanceof Error)) return null;
  if (thrown.name === "AbortError") return { kind: "cancelled" };
  const { code, errno, path: where } = thrown as NodeJS.ErrnoException;
  return typeof errno === "number" && code !== undefined ? { kind: "io", what, path: where ?? path, code } : null;
}
