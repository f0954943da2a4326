import { quoted } from "../quoted.ts";
/** What every member of an archive has. Names and texts are bytes in truth; see {@link decodeName}. */
export interface Attributes {
  /** As written, without the blank ends of old formats: it may be absolute, hold `..` or anything else. Never NUL, never empty. */
  readonly name: string;
  /** Permission bits, set-user-id, set-group-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 2^32 - 2. */
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly mtimeSeconds: number;
  /** Extended attributes by their full name, such as `security.capability`. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** What a member is, apart from its bytes. */
export type Kind =
  | { readonly kind: "file"; readonly sizeBytes: number }
  | { readonly kind: "folder" }
  /** `target` is a text, whatever it points to. */
  | { readonly kind: "symlink"; readonly target: string }
  /** Another name of the member that is named `target` in the archive. */
  | { readonly kind: "hardlink"; readonly target: string }
  | { readonly kind: "charDevice" | "blockDevice"; readonly major: number; readonly minor: number }
  | { readonly kind: "fifo" };

/** A member as the reader gives it. */
export type Member = Attributes &
  Kind & {
    /** Where its bytes begin in the archive. */
    readonly offsetBytes: number;
    /** Of a file; empty for the rest. To be read before the next member is asked for; what is left unread is passed over. */
    readonly bytes: AsyncIterable<Uint8Array>;
  };

/** A member as the writer takes it; `bytes` must give exactly `sizeBytes`. */
export type Entry = Attributes &
  (
    | Exclude<Kind, { readonly kind: "file" }>
    | (Extract<Kind, { kind: "file" }> & { readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array> })
  );

export type TarProblem =
  | "cutOff"
  | "noTar"
  | "badChecksum"
  | "badNumber"
  | "badName"
  | "badExtended"
  | "contentsOfNoFile"
  | "sparse"
  | "unknownKind"
  | "behindEnd"
  | "tooMany"
  | "tooLong"
  | "tooLarge";

/** What is wrong with an archive. `member` is the name as far as it is known, `""` before the first one. */
export interface TarFault {
  readonly kind: TarProblem;
  readonly member: string;
  readonly detail: string;
}

const wrong: Readonly<Record<TarProblem, string>> = {
  cutOff: "the archive is cut off: fetch or make it again",
  noTar: "this is no tar archive (POSIX.1 ustar and pax, or GNU)",
  badChecksum: "a header of the archive is damaged: its check sum is wrong",
  badNumber: "a number in a header of the archive is malformed or out of range",
  badName: "a name in the archive is none",
  badExtended: "an extended header of the archive is malformed",
  contentsOfNoFile: "the archive gives contents to something that is no file, which readers understand differently",
  sparse: "the archive has a sparse file, which is not read: make it again without --sparse",
  unknownKind: "the archive has a member of a kind that is not known",
  behindEnd: "there is something behind the archive's end",
  tooMany: "the archive has too many members",
  tooLong: "an extended header of the archive is too long",
  tooLarge: "the archive is larger than is allowed",
};

const SHOWN_CHARS = 256;

export function explainTar({ kind, member, detail }: TarFault): string {
  const where = member === "" ? "" : `, at or after ${quoted(member.slice(0, SHOWN_CHARS))}`;
  return `${wrong[kind]}${where}${detail === "" ? "" : ` (${detail})`}`;
}

/** Thrown, since it may turn up in the middle of a stream; a door makes a value of it. */
export class BadTar extends Error {
  override readonly name = "BadTar";
  constructor(readonly fault: TarFault) {
    super(explainTar(fault));
  }
}

export interface TarLimits {
  /** Headers of every kind. */
  readonly membersMax: number;
  /** Of all members together, as their headers say it, before a byte of them is read. */
  readonly bytesMax: number;
  /**
   * False: where the stream ends, the archive does, for who knows by a digest that nothing is missing. `umoci insert` 0.4.7 leaves away
   * the end mark and the filling before it.
   */
  readonly endMark: boolean;
}

export const tarLimits = {
  membersMax: 1_000_000,
  bytesMax: 2 ** 40,
  endMark: true,
  /** One extended header. Linux keeps at most 64 KiB of extended attributes for an inode in most file systems (xattr(7)). */
  extendedBytesMax: 1 << 20,
  /** Names and targets: PATH_MAX (limits.h). */
  nameBytesMax: 4096,
  xattrsMax: 256,
} as const;
