import type { NewFile } from "../store/index.ts";
import { Growing } from "./bytes.ts";
import type { Copy } from "./copies.ts";
import { ofDisk } from "./fault.ts";
import { MAGIC, PACKINGS, PARTS, VERSION, VERSION_PLAIN } from "./format.ts";
import { pack } from "./packing.ts";
import { SectionWriter } from "./section.ts";
import type { Shift } from "./shifts.ts";

/** A patch that is being written, section by section. */
export class PatchFile {
  private readonly section = new SectionWriter();
  private readonly head = new Growing();
  private rawBytes = 0;
  /** Of the patch. */
  bytes = 0;

  /** Of a part, `thoroughBytes` of the whole patch are packed with all patience. */
  constructor(
    private readonly file: NewFile,
    private readonly thoroughBytes: number,
  ) {}

  async begin(objectBytes: number, baseBytes: number | null, shifts: readonly Shift[] = []): Promise<void> {
    this.head.all(MAGIC);
    this.head.byte(shifts.length > 0 ? VERSION : VERSION_PLAIN);
    this.head.number(objectBytes);
    this.head.number(baseBytes === null ? 0 : baseBytes + 1);
    if (shifts.length > 0) this.head.number(shifts.length);
    for (const { start, end, tag, low, high, add } of shifts) {
      for (const number of [start / 4, (end - start) / 4, tag, low, high - low]) this.head.number(number);
      this.head.signed(add);
    }
    await this.write(this.head.take());
  }

  async insert(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      rest = rest.subarray(this.section.insert(rest));
      if (rest.length > 0) await this.endSection();
    }
  }

  async copy(base: Uint8Array, target: Uint8Array, { from, to, length }: Copy): Promise<void> {
    for (let done = 0; done < length; ) {
      done += this.section.copy(base, target, { from: from + done, to: to + done, length: length - done });
      if (done < length) await this.endSection();
    }
  }

  /** Nothing comes after. */
  async end(): Promise<void> {
    if (!this.section.isEmpty) await this.endSection();
  }

  private async endSection(): Promise<void> {
    const parts = this.section.take();
    const packed = await Promise.all(
      PARTS.map((part) => {
        this.rawBytes += parts[part].length;
        return pack(parts[part], this.rawBytes <= this.thoroughBytes);
      }),
    );
    for (const [at, part] of PARTS.entries()) {
      const { packing, bytes } = packed[at] ?? { packing: "stored", bytes: parts[part] };
      this.head.number(parts[part].length * 4 + PACKINGS.indexOf(packing));
      if (packing !== "stored") this.head.number(bytes.length);
      await this.write(this.head.take());
      await this.write(bytes);
    }
  }

  private async write(bytes: Uint8Array): Promise<void> {
    this.bytes += bytes.length;
    if (bytes.length > 0) ofDisk(await this.file.write(bytes));
  }
}
