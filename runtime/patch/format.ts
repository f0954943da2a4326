/**
 * A patch: header, then sections until the object is whole, then nothing.
 *
 *     header   "cd" 0xd1 | version | objectBytes | baseBytes + 1, or 0: there is no base | in version 2: how many shifts, and they
 *     shift    start / 4 | words | tag | low | high - low | add, as zigzag (`shifts.ts`)
 *     section  four parts: steps, gaps, differences, news
 *     part     rawBytes × 4 + packing | packedBytes, unless it is stored | its bytes
 *     step     bytes of news that come first | bytes of the base after them | how far ahead of the last copy's end they begin, as zigzag
 *
 * Numbers are LEB128 in their shortest form, below 2^53. The base is used as the shifts make it; version 1 has none. What is copied from the base gets differences added, byte by byte modulo 256:
 * each comes after so many equal bytes as `gaps` says (counted through all copies of the section); after the last one nothing differs.
 * A copy of no bytes has no third number. Every step makes at least a byte. Sections know nothing of each other but the end of the last
 * copy. The four parts of a section have at most {@link SECTION_BYTES_MAX} raw bytes, so that it is worked on in memory; what it copies
 * unchanged costs none, so that a section may make any number of bytes.
 */
export const MAGIC = Uint8Array.of(0x63, 0x64, 0xd1);
export const VERSION = 2;
/** Of a patch without shifts. */
export const VERSION_PLAIN = 1;
export const SECTION_BYTES_MAX = 2 << 20;

/** How the bytes of a part are packed. */
export const PACKINGS = ["stored", "zstd", "brotli"] as const;
export type Packing = (typeof PACKINGS)[number];

/** In their order in a section. */
export const PARTS = ["steps", "gaps", "differences", "news"] as const;
export type Part = (typeof PARTS)[number];
export type Parts = Readonly<Record<Part, Uint8Array>>;

/** Bytes of the longest number. */
export const NUMBER_BYTES_MAX = 8;
