/** Longest key and longest value, in bytes; reference 9.1 gives the value's. */
export const KEY_BYTES_MAX = 128;
export const VALUE_BYTES_MAX = 4096;
/** Keys of one kind: bounds what a container may make the runtime keep in memory. */
export const KEYS_MAX = 512;

/** A key is a file's name, so nothing that means something to a path: no `/`, no beginning with `.`. */
const KEY = new RegExp(`^[A-Za-z0-9_][A-Za-z0-9._:@+~-]{0,${KEY_BYTES_MAX - 1}}$`);

export const keyRule = `1 to ${KEY_BYTES_MAX} of A-Z a-z 0-9 . _ : @ + ~ -, beginning with a letter, a digit or _`;

export const isKey = (text: string): boolean => KEY.test(text);

/** What a container sees of `owner.rest` is `rest`; null when the key is not the container's, or `rest` is no key. */
export function ownedKey(key: string, owner: string): string | null {
  const rest = key.slice(owner.length + 1);
  return key.startsWith(`${owner}.`) && isKey(rest) ? rest : null;
}
