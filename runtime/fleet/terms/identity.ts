import { invariant } from "../../result.ts";

/** A device's id, common name, MQTT client id, user name and part of its topics, all in one: 13 of `a-z2-7`. */
export type DeviceId = string & { readonly __brand: "DeviceId" };
/** 1 to 16 of `a-z 0-9 -`. */
export type FleetName = string & { readonly __brand: "FleetName" };

const ID_CHARS = 13;
const DEVICE_ID = new RegExp(`^[a-z2-7]{${ID_CHARS}}$`);
const FLEET_NAME = /^[a-z0-9-]{1,16}$/;

export const parseDeviceId = (text: string): DeviceId | null => (DEVICE_ID.test(text) ? (text as DeviceId) : null);
export const parseFleetName = (text: string): FleetName | null => (FLEET_NAME.test(text) ? (text as FleetName) : null);

/** The id of the device with a public key: the first 65 bits of the SHA-256 of its SubjectPublicKeyInfo in DER, which is given. */
export function idOf(digest: Uint8Array): DeviceId {
  invariant(digest.length === 32, "an id is made from a SHA-256");
  return base32(digest).slice(0, ID_CHARS) as DeviceId;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** RFC 4648 section 6 in lower case and without padding. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let [buffer, bits] = [0, 0];
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32.charAt((buffer >> (bits - 5)) & 31);
  }
  return bits === 0 ? text : text + BASE32.charAt((buffer << (5 - bits)) & 31);
}
