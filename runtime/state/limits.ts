/**
 * What a state may hold at most. Each limit is far above what real tools write and low enough that the worst accepted
 * document is parsed in well under 100 ms and a few tens of MiB of memory.
 */
export const limits = {
  /**
   * UTF-8 bytes of the whole document: 1 MiB. A container with signature and certificate chain costs 6 to 8 KiB (reference
   * authoring 3.8), so 128 of them fit; the wire's own limit for a body is 2 MiB (reference 14.12).
   */
  stateBytesMax: 1 << 20,
  /** Nesting of arrays and objects. Real states reach 5 (`docker_config` in src.json). */
  depthMax: 64,
  /** Values of any kind, 256 for each container: bounds the time and memory that a megabyte of `[0,0,0,…` can ask for. */
  valuesMax: 1 << 15,
  /** UTF-16 units of one number as written. */
  numberCharsMax: 64,
  /** Top-level members. */
  keysMax: 8192,
  /** UTF-8 bytes of one key. With the trail's folder before it and `.new` behind it stays below PATH_MAX (4096, limits.h). */
  keyBytesMax: 1024,
  /** UTF-8 bytes of one path component: NAME_MAX of ext4, squashfs and overlayfs. */
  componentBytesMax: 255,
  /** Items of one list or members of one map that has a meaning here: volumes, logs, aliases, pools… */
  listMax: 256,
  containersMax: 128,
  groupsMax: 64,
  disksMax: 64,
  /** Members and steps of a `dual` disk (reference 1.7). */
  dualMembersMax: 4,
  dualStepsMax: 8,
  /** Longest duration kept, in seconds (24.8 days): a timer counts milliseconds in 31 bits. Longer ones are cut, with a warning. */
  durationSecondsMax: 2_147_483,
  /** Findings kept of one document; the rest is only counted. */
  faultsMax: 16,
  warningsMax: 100,
} as const;
