import { ok } from "../../result.ts";
import { type Disk, type DiskResult, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import { decodeUserMeta, explainWire, openSigned, type Topic, type UserMeta } from "../wire/index.ts";

export interface UserMetaPorts {
  readonly disk: Disk;
  readonly folder: string;
  /** The hub's order keys, by epoch. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Has the runtime keep it: durable when it answers. */
  keep(message: UserMeta): Promise<boolean>;
  warn(message: string): void;
}

const WHY = "fleet/metadata";
const SEQUENCE = /^\d{1,10}\n$/;
const BYTES_MAX = 64;

/** What became of a message: nothing that the hub needs to hear, it was taken, or one before it is missing. */
export type Taken = { readonly kind: "ignored" | "missing" } | { readonly kind: "taken"; readonly tellAll: boolean };

/** The user-meta that the hub wants here, change by change. */
export interface UserMetaOrders {
  /** As far as it has come; 0: nothing has. */
  readonly sequence: number;
  take(at: Topic<"n/u">, envelope: Uint8Array): Promise<Taken>;
}

/** A sequence that is damaged counts as none: the hub tells all again. */
export async function openUserMeta({ disk, folder, keys, keep, warn }: UserMetaPorts): DiskResult<UserMetaOrders> {
  const path = `${folder}/user-meta`;
  const bytes = await readFile(disk, WHY, path, BYTES_MAX);
  if (!bytes.ok && bytes.error.kind !== "missing" && bytes.error.kind !== "tooLarge") return bytes;
  const text = bytes.ok ? Buffer.from(bytes.value).toString("latin1") : "";
  let sequence = SEQUENCE.test(text) ? Number(text) : 0;
  return ok({
    get sequence() {
      return sequence;
    },
    async take(at, envelope) {
      const opened = openSigned(at, envelope, keys);
      const message = opened.ok ? decodeUserMeta(opened.value.payload) : opened;
      if (!message.ok) {
        warn(explainWire(message.error));
        return { kind: "ignored" };
      }
      if (message.value.sequence <= sequence) return { kind: "ignored" };
      if (message.value.from > sequence) return { kind: "missing" };
      if (!(await keep(message.value))) return { kind: "ignored" }; // the next report says that it is missing
      ({ sequence } = message.value);
      const saved = await saveFile(disk, WHY, path, Buffer.from(`${sequence}\n`));
      if (!saved.ok) warn(explainDiskError(saved.error));
      return { kind: "taken", tellAll: message.value.wants.deviceMeta };
    },
  });
}
