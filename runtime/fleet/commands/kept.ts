import * as v from "valibot";
import { ok } from "../../result.ts";
import { type Disk, type DiskResult, readFile, saveFile } from "../../store/index.ts";
import { operations } from "../terms/index.ts";
import type { Command } from "../wire/index.ts";

/** A command that was handed on and is not answered yet. */
export type Open = Pick<Command, "id" | "operation" | "arguments">;

/** What the device must know of commands across power cuts. */
export interface Taken {
  /** The highest id that was ever taken; 0: none. */
  readonly last: number;
  readonly open: readonly Open[];
}

export interface KeptCommands {
  readonly taken: Taken;
  /** Durable when it returns; a failure changes nothing. */
  keep(next: Taken): DiskResult<void>;
}

/** At most so many are under way. */
export const OPEN_MAX = 8;

const WHY = "fleet/commands";
const BYTES_MAX = 16 * 1024;
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    last: count,
    open: v.pipe(
      v.array(v.strictObject({ id: count, operation: v.picklist(operations), arguments: v.string() })),
      v.maxLength(OPEN_MAX),
    ),
  }),
);

/** Goes on with what is kept in `folder`; what is damaged counts as nothing. */
export async function openKept(disk: Disk, folder: string): DiskResult<KeptCommands> {
  const path = `${folder}/commands.json`;
  const bytes = await readFile(disk, WHY, path, BYTES_MAX);
  if (!bytes.ok && bytes.error.kind !== "missing" && bytes.error.kind !== "tooLarge") return bytes;
  const stored = v.safeParse(Stored, bytes.ok ? Buffer.from(bytes.value).toString("utf8") : null);
  let taken: Taken = stored.success ? stored.output : { last: 0, open: [] };
  return ok({
    get taken() {
      return taken;
    },
    async keep(next) {
      const saved = await saveFile(disk, WHY, path, Buffer.from(`${JSON.stringify(next)}\n`));
      if (saved.ok) taken = next;
      return saved;
    },
  });
}
