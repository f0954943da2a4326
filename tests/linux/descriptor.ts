import type { Socket } from "node:net";
import * as v from "valibot";

/** Bun keeps it where Node does. */
const WithHandle = v.object({ _handle: v.object({ fd: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }) });

/**
 * The file descriptor of a socket that is connected or being connected; null before and after. The socket keeps it, and may close it at
 * any time.
 */
export function descriptorOf(socket: Socket): number | null {
  const parsed = v.safeParse(WithHandle, socket);
  return parsed.success ? parsed.output._handle.fd : null;
}
