import { type Digest, limits, parseDigest } from "../state/index.ts";
import { BadPackage } from "./model.ts";

/** A state's bytes as text, bounded as the device bounds them. */
export function stateText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new BadPackage("its state is not UTF-8");
  }
}

export const STATE_BYTES_MAX: number = limits.stateBytesMax;

/** The objects that a state names. Whether it can run is for the device to say, which knows more. */
export function objectsOf(state: string): ReadonlySet<Digest> {
  let document: unknown;
  try {
    document = JSON.parse(state);
  } catch {
    throw new BadPackage("its state is not JSON");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new BadPackage("its state is no JSON object");
  }
  const digests = Object.entries(document).map(([key, value]) =>
    key !== "#spec" && typeof value === "string" ? parseDigest(value) : null,
  );
  return new Set(digests.filter((digest) => digest !== null));
}
