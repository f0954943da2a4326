/**
 * What datagrams have in them. All three are sealed with AES-128-GCM (NIST SP 800-38D) under keys that come of the parcel's own, which the hub tells
 * devices that may have it; who does not know it can neither read nor ask, and the hub sends nothing to an address that has not shown that it
 * hears what is sent there.
 *
 * | datagram | who sends it | bytes |
 * |---|---|---|
 * | request | device | 1, parcel id (4), nonce (8), sealed: cookie (4), up to 16 runs of blocks: first (3), count (1) |
 * | cookie | hub | 2, nonce (8), sealed: cookie (4); shorter than what it answers |
 * | block | hub | 3, index (3), sealed: 1,376 bytes of the parcel, or what is left at its end |
 *
 * Numbers are big-endian; nonces have zeros in front; a seal is 12 bytes. A block's nonce is its index: sealed again it is the same datagram.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

/** With all headers 1,420 bytes of IPv4: cellular networks and tunnels carry that in one piece. */
export const BLOCK_BYTES = 1376;
export const RUNS_MAX = 16;

const [REQUEST, COOKIE, BLOCK] = [1, 2, 3];
const [ID_BYTES, NONCE_BYTES, TAG_BYTES, COOKIE_BYTES, RUN_BYTES, INDEX_BYTES] = [4, 8, 12, 4, 4, 3];
const REQUEST_HEAD_BYTES = 1 + ID_BYTES + NONCE_BYTES;

export interface ParcelKeys {
  /** Under which the hub finds the parcel: nothing can be learnt from it. */
  readonly id: Uint8Array;
  readonly request: Uint8Array;
  readonly blocks: Uint8Array;
}

export interface Run {
  readonly from: number;
  readonly count: number;
}

/** What the hub gives to an address, which shows by it that it hears what is sent there. */
export type Cookie = Uint8Array;

export interface Request {
  /** Null: it has none yet. */
  readonly cookie: Cookie | null;
  readonly runs: readonly Run[];
}

/** `key`: what opens the parcel over HTTPS, too. */
export function keysOf(key: Uint8Array): ParcelKeys {
  const derived = (what: string): Uint8Array =>
    new Uint8Array(createHmac("sha256", key).update(`cairn datagrams 1 ${what}`).digest());
  return {
    id: derived("id").subarray(0, ID_BYTES),
    request: derived("request").subarray(0, 16),
    blocks: derived("blocks").subarray(0, 16),
  };
}

export const parcelId = ({ id }: Pick<ParcelKeys, "id">): string => Buffer.from(id).toString("hex");

export function requestDatagram({ id, request: key }: ParcelKeys, { cookie, runs }: Request): Uint8Array {
  const plain = Buffer.alloc(COOKIE_BYTES + runs.length * RUN_BYTES);
  plain.set(cookie ?? new Uint8Array(COOKIE_BYTES));
  for (const [at, { from, count }] of runs.entries()) {
    plain.writeUIntBE(from, COOKIE_BYTES + at * RUN_BYTES, INDEX_BYTES);
    plain.writeUInt8(count, COOKIE_BYTES + at * RUN_BYTES + INDEX_BYTES);
  }
  const nonce = randomBytes(NONCE_BYTES);
  const head = Buffer.concat([Uint8Array.of(REQUEST), id, nonce]);
  return Buffer.concat([head, sealed(key, nonce, head, plain)]);
}

/** The parcel that a request is for, as {@link parcelId} has it; null: it is no request. */
export function idOf(datagram: Uint8Array): string | null {
  if (datagram[0] !== REQUEST || datagram.length < REQUEST_HEAD_BYTES) return null;
  return parcelId({ id: datagram.subarray(1, 1 + ID_BYTES) });
}

/** Null: it was not made with this parcel's key, or makes no sense. */
export function readRequest({ request: key }: ParcelKeys, datagram: Uint8Array): Request | null {
  if (idOf(datagram) === null) return null;
  const head = datagram.subarray(0, REQUEST_HEAD_BYTES);
  const plain = opened(key, head.subarray(1 + ID_BYTES), head, datagram.subarray(REQUEST_HEAD_BYTES));
  if (plain === null || plain.length < COOKIE_BYTES) return null;
  const runsBytes = plain.length - COOKIE_BYTES;
  if (runsBytes % RUN_BYTES !== 0 || runsBytes > RUNS_MAX * RUN_BYTES) return null;
  const cookie = plain.subarray(0, COOKIE_BYTES);
  const runs: Run[] = [];
  for (let at = COOKIE_BYTES; at < plain.length; at += RUN_BYTES)
    runs.push({ from: plain.readUIntBE(at, INDEX_BYTES), count: plain.readUInt8(at + INDEX_BYTES) });
  return { cookie: cookie.every((byte) => byte === 0) ? null : new Uint8Array(cookie), runs };
}

export function cookieDatagram({ request: key }: ParcelKeys, cookie: Cookie): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const head = Buffer.concat([Uint8Array.of(COOKIE), nonce]);
  return Buffer.concat([head, sealed(key, nonce, head, cookie)]);
}

/** Null: it is none. */
export function readCookie({ request: key }: ParcelKeys, datagram: Uint8Array): Cookie | null {
  if (datagram[0] !== COOKIE || datagram.length !== 1 + NONCE_BYTES + COOKIE_BYTES + TAG_BYTES) return null;
  const head = datagram.subarray(0, 1 + NONCE_BYTES);
  const plain = opened(key, head.subarray(1), head, datagram.subarray(1 + NONCE_BYTES));
  return plain === null ? null : new Uint8Array(plain);
}

export function blockDatagram({ blocks: key }: ParcelKeys, index: number, bytes: Uint8Array): Uint8Array {
  const head = blockHead(index);
  return Buffer.concat([head, sealed(key, blockNonce(index), head, bytes)]);
}

/** Null: it is none of this parcel. */
export function readBlock(
  { blocks: key }: ParcelKeys,
  datagram: Uint8Array,
): { readonly index: number; readonly bytes: Uint8Array } | null {
  if (datagram[0] !== BLOCK || datagram.length < BLOCK_HEAD_BYTES + TAG_BYTES) return null;
  const head = Buffer.from(datagram.subarray(0, BLOCK_HEAD_BYTES));
  const index = head.readUIntBE(1, INDEX_BYTES);
  const bytes = opened(key, blockNonce(index), head, datagram.subarray(BLOCK_HEAD_BYTES));
  return bytes === null ? null : { index, bytes: new Uint8Array(bytes) };
}

const BLOCK_HEAD_BYTES = 1 + INDEX_BYTES;
/** What a datagram has beside the bytes of its block. */
export const OVERHEAD_BYTES = BLOCK_HEAD_BYTES + TAG_BYTES;

function blockHead(index: number): Buffer {
  const head = Buffer.alloc(BLOCK_HEAD_BYTES);
  head.writeUInt8(BLOCK);
  head.writeUIntBE(index, 1, INDEX_BYTES);
  return head;
}

function blockNonce(index: number): Buffer {
  const nonce = Buffer.alloc(INDEX_BYTES);
  nonce.writeUIntBE(index, 0, INDEX_BYTES);
  return nonce;
}

const CIPHER = "aes-128-gcm";
const GCM_NONCE_BYTES = 12;
const authTag = { authTagLength: TAG_BYTES };
const padded = (nonce: Uint8Array): Buffer => Buffer.concat([new Uint8Array(GCM_NONCE_BYTES - nonce.length), nonce]);

function sealed(key: Uint8Array, nonce: Uint8Array, head: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, key, padded(nonce), authTag);
  cipher.setAAD(head);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Null: somebody else has made or changed it. */
function opened(key: Uint8Array, nonce: Uint8Array, head: Uint8Array, bytes: Uint8Array): Buffer | null {
  if (bytes.length < TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key, padded(nonce), authTag);
  decipher.setAAD(head);
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}
