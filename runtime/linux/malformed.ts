/** Bytes or text from the kernel, a disk or an index file that are not what their format says. */
export type MalformedError = {
  readonly kind: "malformed";
  /** The file or structure, such as "/proc/self/mountinfo" or "verity superblock". */
  readonly what: string;
  readonly wanted: string;
  readonly found: string;
};

export const malformed = (what: string, wanted: string, found: string): MalformedError => ({
  kind: "malformed",
  what,
  wanted,
  found: found.length > 120 ? `${found.slice(0, 120)}…` : found,
});

export const explainMalformed = (e: MalformedError): string =>
  `${e.what}: wants ${e.wanted}, has ${JSON.stringify(e.found)}`;
