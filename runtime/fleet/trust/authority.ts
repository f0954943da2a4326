import { readCertificates } from "../../signatures/index.ts";

/** When the certificates of an authority in PEM began to hold: the earliest of them, in milliseconds since 1970; 0: there is none. */
export function beginningOf(authority: string): number {
  const read = readCertificates(authority);
  return read.ok && read.value.length > 0 ? Math.min(...read.value.map(({ notBeforeMs }) => notBeforeMs)) : 0;
}
