import { encodePublicKey, type PublicKey } from "../../signatures/index.ts";
import { type DeviceId, idOf } from "../terms/index.ts";

/** The id of the device with this key. */
export const deviceIdOf = (key: PublicKey): DeviceId =>
  idOf(new Uint8Array(new Bun.CryptoHasher("sha256").update(encodePublicKey(key)).digest()));
