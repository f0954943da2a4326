/** Base64 (RFC 4648), strict: one text for each sequence of bytes and no other. */

const URL_SAFE = /^[A-Za-z0-9_-]*$/;
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;

/** base64url without padding (RFC 4648 section 5, RFC 7515 appendix C); null for any other text, stray bits at its end included. */
export function decodeBase64Url(text: string): Uint8Array | null {
  if (!URL_SAFE.test(text)) return null;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? new Uint8Array(bytes) : null;
}

export const encodeBase64Url = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64url");

/** base64 with padding (RFC 4648 section 4); null for any other text, white space included. */
export function decodeBase64(text: string): Uint8Array | null {
  if (!STANDARD.test(text)) return null;
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? new Uint8Array(bytes) : null;
}

export const encodeBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
