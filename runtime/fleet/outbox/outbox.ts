import { ok } from "../../result.ts";
import { type Disk, type DiskResult, makeFolders, readFile, saveFile } from "../../store/index.ts";
import { isLeaf } from "../wire/index.ts";
import {
  arrived,
  bytesIn,
  emptyOutbox,
  fitted,
  held,
  interrupted,
  type Letter,
  next,
  type Outbox,
  outboxLimits,
  put,
  sent,
} from "./queue.ts";

const WHY = "fleet/outbox";

/** The outbox of a device: bounded, and on the disk for what must arrive. */
export interface KeptOutbox {
  /** Done when the letter would survive a power cut, if it is a lasting one. */
  put(letter: Omit<Letter, "id">): DiskResult<void>;
  /** The next letter, which is under way from then on; null: nothing waits. */
  take(): Letter | null;
  /** A letter that was taken does not go after all: it waits again. */
  hold(id: number): void;
  /** The other side has it. A letter whose file stays, because the power goes now, goes once more: whoever reads it must bear that. */
  arrived(id: number): DiskResult<void>;
  /** The connection is gone. */
  interrupted(): void;
  /** Letters that had to make room since the start. */
  readonly lost: number;
  /** Nothing waits, and nothing is under way. */
  readonly empty: boolean;
  /** Of what waits and what is under way. */
  readonly bytes: number;
}

/** File name of a lasting letter: its number, and its leaf with `.` for `/`. */
const nameOf = ({ id, leaf }: Letter): string => `${String(id).padStart(12, "0")}.${leaf.replaceAll("/", ".")}`;
const NAME = /^(\d{12})\.([a-z]\.[a-z])$/;

/** Reads what a restart left in `base`/outbox. Files that are no letters, or too many, are removed. */
export async function openOutbox(disk: Disk, base: string): DiskResult<KeptOutbox> {
  const made = await makeFolders(disk, WHY, base, "outbox");
  if (!made.ok) return made;
  const folder = made.value;
  const names = await disk.list(WHY, folder);
  if (!names.ok) return names;
  const letters: Letter[] = [];
  let lastId = 0;
  for (const name of names.value) {
    const [, number, dotted = ""] = NAME.exec(name) ?? [];
    const leaf = dotted.replaceAll(".", "/");
    if (number === undefined || !isLeaf(leaf)) {
      const gone = await disk.unlink(WHY, `${folder}/${name}`);
      if (!gone.ok && gone.error.kind !== "isFolder") return gone;
      continue;
    }
    lastId = Number(number);
    const bytes = await readFile(disk, WHY, `${folder}/${name}`, outboxLimits.bytesMax);
    // What cannot be read today stays for another day.
    if (bytes.ok) letters.push({ id: lastId, leaf, bytes: bytes.value, lasting: true });
  }
  const found = fitted({ ...emptyOutbox, letters });
  const outbox = new FolderOutbox(disk, folder, found.outbox, lastId + 1);
  const removed = await outbox.forget(found.dropped);
  return removed.ok ? ok(outbox) : removed;
}

class FolderOutbox implements KeptOutbox {
  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    private outbox: Outbox,
    private nextId: number,
  ) {}

  get lost(): number {
    return this.outbox.lost;
  }

  get empty(): boolean {
    return this.outbox.letters.length === 0;
  }

  get bytes(): number {
    return bytesIn(this.outbox);
  }

  async put(wanted: Omit<Letter, "id">): DiskResult<void> {
    const letter: Letter = { ...wanted, id: this.nextId };
    this.nextId += 1;
    if (letter.lasting) {
      const saved = await saveFile(this.disk, WHY, this.pathOf(letter), letter.bytes);
      if (!saved.ok) return saved;
    }
    const taken = put(this.outbox, letter);
    this.outbox = taken.outbox;
    return this.forget(taken.dropped);
  }

  take(): Letter | null {
    const letter = next(this.outbox);
    if (letter !== null) this.outbox = sent(this.outbox, letter);
    return letter;
  }

  hold(id: number): void {
    this.outbox = held(this.outbox, id);
  }

  async arrived(id: number): DiskResult<void> {
    const letter = this.outbox.letters.find((one) => one.id === id);
    this.outbox = arrived(this.outbox, id);
    return letter?.lasting ? this.forget([letter]) : ok(undefined);
  }

  interrupted(): void {
    this.outbox = interrupted(this.outbox);
  }

  async forget(letters: readonly Letter[]): DiskResult<void> {
    for (const letter of letters) {
      const gone = await this.disk.unlink(WHY, this.pathOf(letter));
      if (!gone.ok && gone.error.kind !== "missing") return gone;
    }
    return ok(undefined);
  }

  private pathOf(letter: Letter): string {
    return `${this.folder}/${nameOf(letter)}`;
  }
}
