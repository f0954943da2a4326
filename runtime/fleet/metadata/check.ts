/** Stands for a value where that is not kept: 16 hexadecimal digits. */
export const markOf = (value: string): string => sha256(value).slice(0, 16);

/** What device and hub compare to know that they have the same metadata, given the marks of its values: 4 bytes in hexadecimal digits. */
export function metaCheck(marks: ReadonlyMap<string, string>): string {
  const lines = [...marks].map(([key, mark]) => `${key}\n${mark}\n`).toSorted();
  return sha256(lines.join("")).slice(0, 8);
}

const sha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
