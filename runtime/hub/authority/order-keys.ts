import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import * as v from "valibot";
import { FIRST_EPOCH } from "../../fleet/terms/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Disk } from "../../store/index.ts";
import { type KeepFault, readOrMake, WHY } from "./files.ts";

/** An Ed25519 key that signs what the hub wants of devices. */
export interface OrderKey {
  readonly epoch: number;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Of one epoch after the other; the last one is the newest. */
export type OrderKeys = readonly [OrderKey, ...OrderKey[]];

/** Its file had its name before there could be another. */
export const FIRST_ORDER_KEY = "order.key";
const fileOf = (epoch: number): string => (epoch === FIRST_EPOCH ? FIRST_ORDER_KEY : `order-${epoch}.key`);

function epochIn(file: string): number | null {
  const epoch = file === fileOf(FIRST_EPOCH) ? FIRST_EPOCH : Number(/^order-([1-9]\d{0,8})\.key$/.exec(file)?.[1]);
  return file === fileOf(epoch) ? epoch : null;
}

export const isOrderKey = (file: string): boolean => epochIn(file) !== null;

/**
 * Those in the authority's folder; in a new folder the first is made. The oldest may be missing, when no device needs them any more, and
 * none in between.
 */
export async function openOrderKeys(disk: Disk, folder: string): Promise<Result<OrderKeys, KeepFault>> {
  const names = await disk.list(WHY, folder);
  if (!names.ok) return err({ kind: "disk", error: names.error });
  const epochs = names.value.map(epochIn).filter((epoch) => epoch !== null);
  const [from, to] = epochs.length === 0 ? [FIRST_EPOCH, FIRST_EPOCH] : [Math.min(...epochs), Math.max(...epochs)];
  const first = await openOrderKey(disk, folder, from);
  if (!first.ok) return first;
  const keys: [OrderKey, ...OrderKey[]] = [first.value];
  for (let epoch = from + 1; epoch <= to; epoch += 1) {
    if (!epochs.includes(epoch)) return err({ kind: "orderKeyGone", path: `${folder}/${fileOf(epoch)}` });
    const key = await openOrderKey(disk, folder, epoch);
    if (!key.ok) return key;
    keys.push(key.value);
  }
  return ok(keys);
}

/** Made if it is not there. */
export async function openOrderKey(disk: Disk, folder: string, epoch: number): Promise<Result<OrderKey, KeepFault>> {
  const path = `${folder}/${fileOf(epoch)}`;
  const pem = await readOrMake(disk, path, newOrderKey);
  if (!pem.ok) return pem;
  try {
    const secret = createPrivateKey(pem.value);
    if (secret.asymmetricKeyType !== "ed25519") return err({ kind: "unusable", path, why: "it is no Ed25519 key" });
    const { x } = v.parse(PublicJwk, createPublicKey(pem.value).export({ format: "jwk" }));
    const publicKey = new Uint8Array(Buffer.from(x, "base64url"));
    return ok({ epoch, publicKey, sign: (message) => new Uint8Array(sign(null, message, secret)) });
  } catch {
    return err({ kind: "unusable", path, why: "its key is broken" });
  }
}

const PublicJwk = v.object({ x: v.string() });
const newOrderKey = (): string =>
  generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
