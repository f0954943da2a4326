import { err, invariant, ok, type Result } from "../result.ts";
import { type MalformedError, malformed } from "./malformed.ts";

/** `struct dm_ioctl`, linux/dm-ioctl.h: offset of each field. Fixed-width fields, the same on x86_64 and aarch64. */
export const DM_IOCTL = {
  sizeBytes: 312,
  version: 0, // 12, __u32[3]
  dataSize: 12, // 4, __u32: this header and what follows it
  dataStart: 16, // 4, __u32: where that begins
  targetCount: 20, // 4, __u32
  openCount: 24, // 4, __s32
  flags: 28, // 4, __u32
  dev: 40, // 8, __u64: new_encode_dev() of the device number
  name: 48, // 128, char[DM_NAME_LEN]
  uuid: 176, // 129, char[DM_UUID_LEN]
} as const;
const NAME_BYTES = 128;

/** `struct dm_target_spec`: its parameters follow as a NUL-terminated string, padded to 8 bytes. */
export const DM_TARGET_SPEC = {
  sizeBytes: 40,
  sectorStart: 0, // 8, __u64, sectors of 512 bytes
  length: 8, // 8, __u64, sectors of 512 bytes
  next: 20, // 4, __u32: from the start of this target to the next; 0 for the last
  type: 24, // 16, char[DM_MAX_TYPE_NAME]
} as const;

/** `struct dm_name_list`: dev, offset to the next entry, name. */
export const DM_NAME_LIST = { dev: 0, next: 8, name: 12 } as const;

/** Numbers of the commands; the request is `_IOWR(0xfd, nr, struct dm_ioctl)`. */
const COMMANDS = {
  DM_VERSION: 0,
  DM_LIST_DEVICES: 2,
  DM_DEV_CREATE: 3,
  DM_DEV_REMOVE: 4,
  DM_DEV_SUSPEND: 6,
  DM_DEV_STATUS: 7,
  DM_TABLE_LOAD: 9,
} as const;
export type DmCommand = keyof typeof COMMANDS;

/** The ioctl request of a command: direction (read and write, 3) at bit 30, size at 16, type at 8, number at 0. */
export const dmRequest = (command: DmCommand): number =>
  ((3 << 30) | (DM_IOCTL.sizeBytes << 16) | (0xfd << 8) | COMMANDS[command]) >>> 0;

/** DM_READONLY_FLAG and DM_DEFERRED_REMOVE of linux/dm-ioctl.h. */
export const DM_FLAGS = { readOnly: 1 << 0, deferredRemove: 1 << 17 } as const;

export type DmTarget = { readonly lengthSectors: number; readonly type: string; readonly params: string };

export type DmCall = {
  readonly name?: string;
  readonly flags?: number;
  readonly target?: DmTarget;
  /** Room for an answer after the header. */
  readonly answerBytes?: number;
};

/** The whole buffer of one call: header, then the target if there is one, then room for the answer. */
export function encodeDm({ name = "", flags = 0, target, answerBytes = 0 }: DmCall): Uint8Array {
  invariant(Buffer.byteLength(name) < NAME_BYTES, "a device-mapper name fits DM_NAME_LEN");
  const params = Buffer.from(target === undefined ? "" : `${target.params}\0`);
  const targetBytes = target === undefined ? 0 : DM_TARGET_SPEC.sizeBytes + Math.ceil(params.length / 8) * 8;
  const bytes = new Uint8Array(DM_IOCTL.sizeBytes + targetBytes + answerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(DM_IOCTL.version, 4, true); // DM_VERSION_MAJOR; minor and patch level 0 suit every kernel
  view.setUint32(DM_IOCTL.dataSize, bytes.length, true);
  view.setUint32(DM_IOCTL.dataStart, DM_IOCTL.sizeBytes, true);
  view.setUint32(DM_IOCTL.targetCount, target === undefined ? 0 : 1, true);
  view.setUint32(DM_IOCTL.flags, flags, true);
  bytes.set(Buffer.from(name), DM_IOCTL.name);
  if (target !== undefined) {
    const at = DM_IOCTL.sizeBytes;
    view.setBigUint64(at + DM_TARGET_SPEC.length, BigInt(target.lengthSectors), true);
    bytes.set(Buffer.from(target.type), at + DM_TARGET_SPEC.type);
    bytes.set(params, at + DM_TARGET_SPEC.sizeBytes);
  }
  return bytes;
}

/** The device number in an answer's header, by the kernel's new_encode_dev(). */
export function decodeDmDev(answer: Uint8Array): { readonly major: number; readonly minor: number } {
  invariant(answer.length >= DM_IOCTL.sizeBytes, "an answer of device-mapper holds a header");
  const dev = new DataView(answer.buffer, answer.byteOffset).getUint32(DM_IOCTL.dev, true);
  return { major: (dev & 0xfff00) >>> 8, minor: (dev & 0xff) | ((dev >>> 12) & 0xfff00) };
}

/** The names in the answer of DM_LIST_DEVICES. */
export function decodeDmNames(answer: Uint8Array): Result<readonly string[], MalformedError> {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.length);
  const cut = (at: number) => err(malformed("dm_name_list", `an entry inside ${answer.length} bytes`, `offset ${at}`));
  const names: string[] = [];
  let at = view.getUint32(DM_IOCTL.dataStart, true);
  for (;;) {
    if (at + DM_NAME_LIST.name > answer.length) return cut(at);
    if (view.getBigUint64(at + DM_NAME_LIST.dev, true) === 0n && names.length === 0) return ok(names); // no device at all
    const end = answer.indexOf(0, at + DM_NAME_LIST.name);
    if (end < 0) return cut(at);
    names.push(Buffer.from(answer.subarray(at + DM_NAME_LIST.name, end)).toString());
    const next = view.getUint32(at + DM_NAME_LIST.next, true);
    if (next === 0) return ok(names);
    at += next;
  }
}
