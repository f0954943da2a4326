import { ok } from "../../result.ts";
import { type Disk, type DiskResult, readFile, saveFile } from "../../store/index.ts";
import {
  type Account,
  type Caps,
  carried,
  last,
  ledgerText,
  needed,
  newLedger,
  open,
  parseLedger,
  room,
  settled,
  usage,
} from "../budget/index.ts";

const WHY = "fleet/budget";
const LEDGER_BYTES_MAX = 4096;
const DAY_MS = 24 * 3600_000;

/** The budget with its ledger on the disk. */
export interface Meter {
  /** Bytes that may be carried now beside those that are awaited; Infinity: as many as one likes. */
  room(): number;
  /** The same with them. */
  left(): number;
  /** So many were asked for beside the session and may come at any time: what is promised from now on is promised besides. */
  awaits(bytes: number): void;
  /** While it says so, each cap is twice as much. */
  liftWhile(lifted: () => boolean): void;
  /** When a new day brings more, by the same clock. */
  nextDayMs(): number;
  /** Makes sure that the disk knows of `bytes` more before they are carried. A failure means that they may not be. */
  promise(bytes: number): DiskResult<void>;
  /** They were carried. */
  carried(bytes: number): void;
  usage(): { readonly dayBytes: number; readonly monthBytes: number };
  /** At the end, when no more is carried than a farewell: what the disk is ahead is given back. */
  close(): DiskResult<void>;
}

/** Goes on with the ledger at `path`; one that is damaged counts as none. `wallMs`: milliseconds since 1970, never going back. */
export async function openMeter(disk: Disk, path: string, caps: Caps, wallMs: () => number): DiskResult<Meter> {
  const bytes = await readFile(disk, WHY, path, LEDGER_BYTES_MAX);
  if (!bytes.ok && bytes.error.kind !== "missing" && bytes.error.kind !== "tooLarge") return bytes;
  const ledger = bytes.ok ? parseLedger(new TextDecoder().decode(bytes.value)) : null;
  let lifted = (): boolean => false;
  let account: Account = open(caps, ledger ?? newLedger(wallMs()), wallMs());
  let awaited = 0;
  const left = (): number => room(account, wallMs(), lifted());
  return ok({
    room: () => Math.max(0, left() - awaited),
    left,
    awaits(bytes) {
      awaited = bytes;
    },
    liftWhile(given) {
      lifted = given;
    },
    nextDayMs: () => (Math.floor(wallMs() / DAY_MS) + 1) * DAY_MS,
    async promise(more) {
      const wanted = needed(account, awaited + more, wallMs());
      if (wanted === null) return ok(undefined);
      const saved = await saveFile(disk, WHY, path, Buffer.from(ledgerText(wanted)));
      if (saved.ok) account = settled(account, wanted);
      return saved;
    },
    carried(more) {
      account = carried(account, more, wallMs());
    },
    usage: () => usage(account, wallMs()),
    close: () => saveFile(disk, WHY, path, Buffer.from(ledgerText(last(account, wallMs())))),
  });
}
