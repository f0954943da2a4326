// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** An absolute path, "/" at its end taken away; null when it is none, is "/", or has characters or components that no mount takes. */
export function mountPath(text: string): string | null {
  const path = text.replace(/\/+$/, "");
  if (!path.startsWith("/") || CONTROL.test(path)) return null;
  const odd = path
    .slice(1)
    .split("/")
    .some((part) => part === "" || part === "." || part === "..");
  return odd ? null : path;
}

/** A path inside the container; the "/" at its start may be missing, as `pvr` has it. */
export const insidePath = (text: string): string | null => mountPath(`/${text.replace(/^\/+/, "")}`);
