/** Which shared objects an ELF file asks for. Layouts: elf(5); 64-bit little-endian only, which both our architectures are. */

const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_LOAD = 1;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

export interface Linkage {
  /** The dynamic loader's path, e.g. /lib64/ld-linux-x86-64.so.2; null in a library or a static program. */
  readonly interpreter: string | null;
  /** Names as written (DT_NEEDED), e.g. libc.so.6. */
  readonly needed: readonly string[];
}

/** What `bytes` links against; null when it is not a 64-bit little-endian ELF file. */
export function linkage(bytes: Uint8Array): Linkage | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) return null;
  const u64 = (at: number): number => Number(view.getBigUint64(at, true));
  const text = (at: number): string => {
    const end = bytes.indexOf(0, at);
    return Buffer.from(bytes.subarray(at, end)).toString("latin1");
  };
  const segments = Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = u64(32) + index * view.getUint16(54, true); // e_phoff, e_phentsize
    return { type: view.getUint32(at, true), offset: u64(at + 8), address: u64(at + 16), size: u64(at + 32) };
  });
  const fileOffset = (address: number): number => {
    const home = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size);
    if (home === undefined) throw new Error(`broken ELF file: address ${address} is in no segment`);
    return address - home.address + home.offset;
  };
  const interp = segments.find((s) => s.type === PT_INTERP);
  const interpreter = interp === undefined ? null : text(interp.offset);
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
  if (dynamic === undefined) return { interpreter, needed: [] };
  const entries = Array.from({ length: Math.floor(dynamic.size / 16) }, (_, index) => {
    const at = dynamic.offset + index * 16;
    return { tag: u64(at), value: u64(at + 8) };
  });
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value;
  const names = entries.filter(({ tag }) => tag === DT_NEEDED);
  if (strings === undefined || names.length === 0) return { interpreter, needed: [] };
  return { interpreter, needed: names.map(({ value }) => text(fileOffset(strings) + value)) };
}
