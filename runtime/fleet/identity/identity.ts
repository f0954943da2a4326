import {
  explainKeyFile,
  type KeyFileFault,
  makeRequest,
  newPrivateKey,
  type PrivateKey,
  readPrivateKey,
} from "../../certificates/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Disk, type DiskError, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import type { DeviceId } from "../terms/index.ts";
import { deviceIdOf } from "./device-id.ts";

const WHY = "fleet/identity";
const KEY_BYTES_MAX = 4096;
const KEY_MODE = 0o600;

/** Who a device is: a key that it made itself, and that never leaves it. */
export interface Identity {
  readonly id: DeviceId;
  /** PEM. */
  readonly key: string;
  /** A certificate request (PKCS #10) in DER. */
  readonly request: Uint8Array;
}

export type IdentityError =
  | DiskError
  | { readonly kind: "badKey"; readonly path: string; readonly fault: KeyFileFault | "notP256" };

/** Reads the key in `folder`, or makes one, which is durable before anybody hears of it. */
export async function openIdentity(disk: Disk, folder: string): Promise<Result<Identity, IdentityError>> {
  const path = `${folder}/key.pem`;
  const bytes = await readFile(disk, WHY, path, KEY_BYTES_MAX);
  if (bytes.ok) return identityOf(path, Buffer.from(bytes.value).toString("latin1"));
  if (bytes.error.kind !== "missing") return bytes;
  const key = newPrivateKey("p256");
  const saved = await saveFile(disk, WHY, path, Buffer.from(key), KEY_MODE);
  return saved.ok ? identityOf(path, key) : saved;
}

function identityOf(path: string, key: string): Result<Identity, IdentityError> {
  const read = readPrivateKey(key);
  // A key that is there and cannot be used is somebody's: a new one would be another device.
  if (!read.ok) return err({ kind: "badKey", path, fault: read.error });
  const { publicKey } = read.value;
  if (publicKey.kind !== "ec" || publicKey.curve !== "P-256") return err({ kind: "badKey", path, fault: "notP256" });
  return ok({ ...named(read.value), key });
}

function named(key: PrivateKey): Pick<Identity, "id" | "request"> {
  const id = deviceIdOf(key.publicKey);
  return { id, request: makeRequest(id, key) };
}

export function explainIdentity(error: IdentityError): string {
  if (error.kind !== "badKey") return explainDiskError(error);
  const why = error.fault === "notP256" ? "it is not of P-256" : explainKeyFile(error.fault);
  return `the device's key ${error.path} cannot be used: ${why}; without it, the device becomes another one for the hub`;
}
