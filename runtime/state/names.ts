import { limits } from "./limits.ts";
import type { ContainerName, Digest } from "./model.ts";

const CONTAINER_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** First path components with a meaning of their own: no container can have such a name (reference 1.3). */
const RESERVED = new Set(["bsp", "_config", "_sigs", "_hostconfig"]);

export const containerNameRule = `1 to 64 of A-Z a-z 0-9 . _ -, not starting with "." or "-", and none of ${[...RESERVED].join(", ")}`;

/** The name of a container, or null when `text` is none ({@link containerNameRule}). */
export function parseContainerName(text: string): ContainerName | null {
  return CONTAINER_NAME.test(text) && !RESERVED.has(text) ? (text as ContainerName) : null;
}

/** A SHA-256 in 64 lower-case hexadecimal digits, or null. */
export function parseDigest(text: string): Digest | null {
  return DIGEST.test(text) ? (text as Digest) : null;
}

export const isReserved = (component: string): boolean => RESERVED.has(component);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
export const hasControl = (text: string): boolean => CONTROL.test(text);

/** Says what is wrong with `text` as one plain component of a path; null when nothing is. */
export function componentFault(text: string): string | null {
  return text.includes("/") ? 'a "/"' : pathFault(text);
}

/** The same for a relative path of plain components. A backslash is an ordinary character here, as in systemd's unit names. */
export function pathFault(text: string): string | null {
  if (text.startsWith("/")) return 'a "/" at the start';
  if (hasControl(text)) return "a control character";
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.keyBytesMax) return `${bytes} bytes`;
  for (const component of text.split("/")) {
    if (component === "") return "an empty component";
    if (component === "." || component === "..") return `the component "${component}"`;
    // Only a path that is long as a whole can have a long component.
    if (bytes > limits.componentBytesMax && Buffer.byteLength(component) > limits.componentBytesMax) {
      return `a component of ${Buffer.byteLength(component)} bytes`;
    }
  }
  return null;
}

export const pathRule =
  'a relative path of plain components: no "", "." or "..", no control characters, ' +
  `at most ${limits.componentBytesMax} bytes each and ${limits.keyBytesMax} together`;

/** The same for an absolute path: what lies behind its first "/" follows {@link pathRule}. */
export function absolutePathFault(text: string): string | null {
  return text.startsWith("/") ? pathFault(text.slice(1)) : 'no "/" at the start';
}
