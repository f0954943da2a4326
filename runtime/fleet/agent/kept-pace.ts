import * as v from "valibot";
import { type Disk, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import type { Pace } from "../transfer/index.ts";

export interface KeptPacePorts {
  readonly disk: Disk;
  readonly folder: string;
  warn(message: string): void;
}

/** How fast the link is, across restarts. */
export interface KeptPace {
  /** As far as it was measured last; null: never. */
  readonly bytesPerS: number | null;
  measured(pace: Pick<Pace, "bytesPerS">): void;
}

const WHY = "fleet/pace";
const BYTES_MAX = 256;
/** Another pace is written down when it is so many times what is there, or so small a part of it: links are never quite the same. */
const TIMES = 3;
const Stored = v.pipe(v.string(), v.parseJson(), v.object({ bytesPerS: v.pipe(v.number(), v.minValue(0)) }));

/** What is damaged or cannot be kept is measured anew. */
export async function openKeptPace({ disk, folder, warn }: KeptPacePorts): Promise<KeptPace> {
  const path = `${folder}/link-pace.json`;
  const bytes = await readFile(disk, WHY, path, BYTES_MAX);
  const stored = bytes.ok ? v.safeParse(Stored, Buffer.from(bytes.value).toString("utf8")) : null;
  let kept = stored?.success ? stored.output.bytesPerS : null;
  let now = kept;
  let saving: Promise<unknown> = Promise.resolve();
  return {
    get bytesPerS() {
      return now;
    },
    measured({ bytesPerS }) {
      now = bytesPerS;
      if (bytesPerS === null || (kept !== null && bytesPerS < kept * TIMES && bytesPerS > kept / TIMES)) return;
      kept = bytesPerS;
      const text = `${JSON.stringify({ bytesPerS: Math.round(bytesPerS) })}\n`;
      saving = saving
        .then(() => saveFile(disk, WHY, path, Buffer.from(text)))
        .then((saved) => saved.ok || warn(explainDiskError(saved.error)));
    },
  };
}
