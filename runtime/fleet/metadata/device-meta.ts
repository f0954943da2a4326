import * as v from "valibot";
import { ok } from "../../result.ts";
import { type Disk, type DiskResult, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import { encodeDeviceMeta } from "../wire/index.ts";
import { metaCheck } from "./check.ts";
import { type Delta, delta, type Told, withDelta } from "./delta.ts";

export interface DeviceMetaPorts {
  readonly disk: Disk;
  readonly folder: string;
  /** Hands over `u/d`; {@link DeviceMetaReport.arrived} says when the hub's broker has it. */
  post(bytes: Uint8Array): void;
  /** Bytes that may be carried now. */
  room(): number;
  /** Monotonic milliseconds. */
  now(): number;
  setTimer(ms: number, fire: () => void): () => void;
  warn(message: string): void;
}

const WHY = "fleet/metadata";
const BYTES_MAX = 256 * 1024;
/** What a message costs beside its own bytes. */
const MESSAGE_BYTES = 400;
/** Of what may be carried, no more than a part goes into metadata. */
const PART = 4;
const QUIET_MS = 10_000;
/** A message costs one of these, and one more for each KiB of it; each hour brings one. All of device-meta once, and changes, find enough. */
const [CREDIT_MAX, CREDIT_MS] = [32, 3600_000];

const Stored = v.pipe(v.string(), v.parseJson(), v.array(v.tuple([v.string(), v.string()])));

/** Tells the hub what has changed in device-meta: one message at a time, and not for ever as often as it changes. */
export class DeviceMetaReport {
  private current: ReadonlyMap<string, string> | null = null;
  private underWay: Delta | null = null;
  private credit = CREDIT_MAX;
  private creditMs: number;
  private stopTimer: (() => void) | null = null;
  private left = false;

  private constructor(
    private readonly ports: DeviceMetaPorts,
    private told: Told,
  ) {
    this.creditMs = ports.now();
  }

  /** Goes on with what was told; where that is damaged, all is told again. */
  static async open(ports: DeviceMetaPorts): DiskResult<DeviceMetaReport> {
    const bytes = await readFile(ports.disk, WHY, pathIn(ports.folder), BYTES_MAX);
    if (!bytes.ok && bytes.error.kind !== "missing" && bytes.error.kind !== "tooLarge") return bytes;
    const stored = v.safeParse(Stored, bytes.ok ? Buffer.from(bytes.value).toString("utf8") : null);
    return ok(new DeviceMetaReport(ports, stored.success ? new Map(stored.output) : null));
  }

  /** For the report (`u/s`): null when there is nothing to compare. */
  get check(): string | null {
    return this.told === null || this.underWay !== null ? null : metaCheck(this.told);
  }

  /** All of it, as it is now. */
  is(entries: ReadonlyMap<string, string>): void {
    this.current = entries;
    this.lookIn(QUIET_MS);
  }

  /** The hub has lost it. */
  tellAll(): void {
    this.told = null;
    this.lookIn(QUIET_MS);
  }

  /** The last message is there. */
  async arrived(): Promise<void> {
    if (this.underWay === null) return;
    // What was to be told anew meanwhile is told anew.
    const told = this.told === null && !this.underWay.whole ? null : withDelta(this.told, this.underWay);
    this.underWay = null;
    this.told = told;
    const kept = await saveFile(
      this.ports.disk,
      WHY,
      pathIn(this.ports.folder),
      Buffer.from(told === null ? "" : `${JSON.stringify([...told])}\n`),
    );
    if (!kept.ok) this.ports.warn(explainDiskError(kept.error));
    this.look();
  }

  leave(): void {
    this.left = true;
    this.stopTimer?.();
  }

  private lookIn(ms: number): void {
    if (this.left) return;
    this.stopTimer ??= this.ports.setTimer(ms, () => {
      this.stopTimer = null;
      this.look();
    });
  }

  private look(): void {
    if (this.underWay !== null || this.current === null || this.left) return;
    const next = delta(this.current, this.told);
    if (next === null) return;
    const { set, remove, whole, bytes } = next;
    const cost = 1 + Math.floor(bytes / 1024);
    this.earn();
    if (bytes + MESSAGE_BYTES > this.ports.room() / PART) this.lookIn(CREDIT_MS);
    else if (this.credit < cost) this.lookIn(Math.ceil((cost - this.credit) * CREDIT_MS));
    else {
      this.credit -= cost;
      this.underWay = next;
      this.ports.post(encodeDeviceMeta({ set, remove, how: { whole } }));
    }
  }

  private earn(): void {
    const nowMs = this.ports.now();
    this.credit = Math.min(CREDIT_MAX, this.credit + (nowMs - this.creditMs) / CREDIT_MS);
    this.creditMs = nowMs;
  }
}

const pathIn = (folder: string): string => `${folder}/device-meta.json`;
