import { type UserMeta, limits as wireLimits } from "../../fleet/wire/index.ts";
import type { UserMetaRow } from "../database/index.ts";

/** Heads of a text of 4 KiB and of its key, in CBOR; and everything else in a message. */
const [HEADS_BYTES, FRAME_BYTES] = [3 + 2, 32];

/** Changes in their order as messages, as few as they fit into. `asked`: the message that reaches this sequence asks for device-meta. */
export function messagesOf(
  rows: readonly UserMetaRow[],
  { from, to, asked }: { readonly from: number; readonly to: number; readonly asked: number },
): readonly UserMeta[] {
  const crowds: UserMetaRow[][] = [[]];
  let bytes = FRAME_BYTES;
  for (const row of rows) {
    const more = Buffer.byteLength(row.key) + Buffer.byteLength(row.value ?? "") + HEADS_BYTES;
    if (bytes + more > wireLimits.metadataBytesMax) {
      crowds.push([]);
      bytes = FRAME_BYTES;
    }
    bytes += more;
    crowds.at(-1)?.push(row);
  }
  let reached = from;
  return crowds.map((crowd, at) => {
    const last = at === crowds.length - 1;
    const message = {
      set: new Map(crowd.flatMap(({ key, value }) => (value === null ? [] : [[key, value] as const]))),
      remove: crowd.flatMap(({ key, value }) => (value === null ? [key] : [])),
      from: reached,
      sequence: last ? to : (crowd.at(-1)?.sequence ?? reached),
      wants: { deviceMeta: last && asked > from },
    };
    reached = message.sequence;
    return message;
  });
}
