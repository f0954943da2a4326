/** What devices and fleets are called. The messages on the wire use the same names. */
import { createHash } from "node:crypto";
import { encodePublicKey, type PublicKey } from "../signatures/index.ts";
import { encodeBase32 } from "./base32.ts";

export type DeviceId = string & { readonly device: unique symbol };
export type FleetName = string & { readonly fleet: unique symbol };

const DEVICE_ID = /^[a-z2-7]{13}$/;
const FLEET_NAME = /^[a-z0-9-]{1,16}$/;

export const isDeviceId = (text: string): text is DeviceId => DEVICE_ID.test(text);
export const isFleetName = (text: string): text is FleetName => FLEET_NAME.test(text);

/** The first 65 bits of the SHA-256 of a key's SubjectPublicKeyInfo, as 13 characters. */
export const idOf = (key: PublicKey): DeviceId =>
  encodeBase32(createHash("sha256").update(encodePublicKey(key)).digest()).slice(0, 13) as DeviceId;
