import { ok } from "../../result.ts";
import { type Digest, parseRevisionName, type RevisionName } from "../../state/index.ts";
import { type DiskResult, explainStore, objectPath, putObject, readState, type Store } from "../../store/index.ts";
import { due, explainOrder, isVerdict, type Order, type Orders, type Verdict } from "../desired/index.ts";
import {
  type ApplyPatch,
  type Base,
  baseOfBytes,
  baseOfStore,
  inStore,
  type Mover,
  moveObject,
  type Outcome,
  type Parcels,
} from "../parcels/index.ts";
import type { Fetch, FromLink, Progress, State } from "../pipe/index.ts";
import { newPace, type Pace, type TransferFailure } from "../transfer/index.ts";
import { type BlockRequest, decodeBlock, type Topic } from "../wire/index.ts";
import type { Meter } from "./meter.ts";
import type { ProgressReport } from "./progress.ts";
import { type StreamPorts, streamed } from "./streams.ts";

export interface DeliveryPorts extends StreamPorts {
  readonly store: Store;
  /** Percent of the storage that stays free. */
  readonly reservedPercent: number;
  readonly orders: Orders;
  readonly parcels: Parcels;
  readonly applyPatch: ApplyPatch;
  readonly meter: Meter;
  readonly progress: ProgressReport;
  request(request: BlockRequest): void;
  /** Bytes per second of the link when it was last measured; null: never. */
  readonly paceBefore: number | null;
  /** How fast it is now. */
  measured(pace: Pace): void;
  tell(message: FromLink): void;
  warn(message: string): void;
  /** What is known of a failure, for the hub: done when it survives a power cut. */
  evidence(rev: RevisionName, text: string): Promise<unknown>;
  /** What is under way is something else now. `urgent`: the hub should hear of it, or be asked, soon. */
  changed(urgent: boolean): void;
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970, never going back. */
  wallMs(): number;
  /** In [0, 1). */
  random(): number;
  setTimer(ms: number, fire: () => void): () => void;
}

/** What is being got. */
type Job =
  | { readonly kind: "state"; readonly rev: RevisionName; readonly order: Order }
  | { readonly kind: "fetch"; readonly rev: RevisionName; readonly objects: Fetch["objects"] };

const WHY = "fleet/delivery";
const AGAIN_MS = 60_000;
const ROOM_WITHIN_MS = 5 * 60_000;
const DAY_MS = 24 * 3600_000;

/** Gets what the hub wants onto the device: first the state, then, when the runtime has looked at it, what is missing of the revision. */
export class Delivery {
  private readonly ports: DeliveryPorts;
  private running: State | null = null;
  private online = false;
  private job: Job | null = null;
  private mover: Mover | null = null;
  private jobs: Promise<void> = Promise.resolve();
  private pace: Pace;
  private nextId: number;
  private percent = 0;
  private lastWord = false;
  private answerRoom: ((enough: boolean) => void) | null = null;
  private stopTimer = (): void => {};

  constructor(ports: DeliveryPorts) {
    this.ports = ports;
    this.pace = newPace(ports.now(), ports.paceBefore);
    this.nextId = Math.floor(ports.random() * 2 ** 32);
  }

  /** Of the latest order; 0: there was none yet. */
  get sequence(): number {
    return this.ports.orders.order?.desired.sequence ?? 0;
  }

  /** A revision of the hub is on its way, or on trial. */
  get updating(): boolean {
    return this.pending() !== null;
  }

  /** The hub is waited for. */
  get busy(): boolean {
    return this.pending() !== null && (this.mover?.underWay ?? true);
  }

  /** The caps are lifted: what is under way is for the device's security. `silent`: nothing waits to be sent. */
  lifted(silent: boolean): boolean {
    const security = (order: Order | null): boolean => order?.desired.policy.security === true;
    if (silent) this.lastWord = false;
    return security(this.pending()) || (this.lastWord && security(this.ports.orders.order));
  }

  /** The latest order, while nothing has come of it and its time is now. */
  private pending(): Order | null {
    const { order } = this.ports.orders;
    if (order === null || order.verdict !== null) return null;
    return due(order.desired, this.ports.wallMs()).kind === "now" ? order : null;
  }

  /** How the device is. With the first one, what was begun before a restart goes on. */
  state(state: State): void {
    const first = this.running === null;
    this.running = state;
    if (first) this.begin();
  }

  async desired(at: Topic<"n/d">, envelope: Uint8Array): Promise<void> {
    const taken = await this.ports.orders.take(at, envelope);
    if (taken.ok) {
      if (taken.value !== null) this.begin();
      return;
    }
    this.ports.warn(explainOrder(taken.error));
    // The broker does not send it again; the disk may be well by then.
    if ("call" in taken.error) this.ports.setTimer(AGAIN_MS, () => void this.desired(at, envelope));
  }

  async block(bytes: Uint8Array): Promise<void> {
    const block = decodeBlock(bytes);
    if (!block.ok || this.mover === null) return;
    const { mover } = this;
    await mover.block(block.value);
    this.ports.measured(mover.view.pace);
    this.report();
  }

  connected(): void {
    this.online = true;
    this.mover?.online();
  }

  disconnected(): void {
    this.online = false;
    this.mover?.offline();
  }

  fetch({ rev, objects }: Fetch): void {
    const wanted = this.pending();
    if (wanted !== null && revOf(wanted) === rev) {
      this.start({ kind: "fetch", rev, objects });
      return;
    }
    const message = "the hub wants another revision by now";
    this.ports.tell({ kind: "fetched", rev, failure: { reason: "aborted", message } });
  }

  stopFetch(rev: RevisionName): void {
    if (this.job?.kind === "fetch" && this.job.rev === rev) this.halt();
  }

  room(enough: boolean): void {
    this.answerRoom?.(enough);
  }

  progress({ rev, phase, reason, evidence }: Progress): void {
    const { order } = this.ports.orders;
    if (order === null || revOf(order) !== rev || order.verdict === phase) return;
    // Also a second one: what was good may have turned out not to be.
    if (isVerdict(phase)) return void this.settle(order, phase, reason, evidence);
    if (order.verdict !== null) return;
    if (phase === "queued" || phase === "downloading") this.report();
    else this.ports.progress.at(order.desired.sequence, phase, 100);
  }

  leave(): void {
    this.stopTimer();
    this.ports.progress.stop();
    this.halt();
  }

  /** The clock is another: what was to wait may have waited long enough. */
  lookAgain(): void {
    if (this.job === null) this.begin();
  }

  /** Looks at the latest order anew. */
  private begin(): void {
    this.stopTimer();
    const { order } = this.ports.orders;
    if (order === null || order.verdict !== null || this.running === null) return;
    const rev = revOf(order);
    const when = due(order.desired, this.ports.wallMs());
    if (when.kind === "expired") return void this.settle(order, "wontgo", "timeout");
    if (when.kind === "later") {
      this.halt();
      const waitMs = Math.min(DAY_MS, when.atMs - this.ports.wallMs());
      this.stopTimer = this.ports.setTimer(waitMs, () => this.begin());
      return;
    }
    this.start({ kind: "state", rev, order });
  }

  private start(job: Job): void {
    this.halt();
    this.job = job;
    this.percent = 0;
    this.report();
    this.jobs = this.jobs.then(() => (job.kind === "state" ? this.getState(job) : this.getObjects(job)));
    this.ports.changed(true);
  }

  private halt(): void {
    this.job = null;
    this.mover?.stop();
    this.answerRoom?.(false);
  }

  private async getState(job: Extract<Job, { kind: "state" }>): Promise<void> {
    const { stateDigest } = job.order.desired;
    const outcome = await this.stateOf(job);
    if (this.job !== job) return;
    this.job = null;
    if (outcome.kind === "done") this.ports.tell({ kind: "desired", rev: job.rev, state: stateDigest });
    if (outcome.kind === "failed") {
      this.ports.warn(`the state of revision ${job.rev} cannot be had: ${outcome.failure.message}`);
      await this.settle(job.order, "error", outcome.failure.reason);
    }
    this.ports.changed(false);
  }

  private async stateOf(job: Extract<Job, { kind: "state" }>): Promise<Outcome> {
    const { store } = this.ports;
    const { stateDigest } = job.order.desired;
    const { running } = this;
    if (running === null || (await this.isThere(stateDigest))) return { kind: "done" };
    const text = await readState(store, running.running);
    const known = text.ok && sha256(text.value) === running.stateDigest ? text.value : null;
    if (known !== null && stateDigest === running.stateDigest) {
      const put = await putObject(store, stateDigest, once(known));
      return put.ok ? { kind: "done" } : failed({ reason: "installFailed", message: explainStore(put.error) });
    }
    return this.move(job, stateDigest, known === null ? [] : [running.stateDigest], async (name) =>
      ok(known !== null && name === running.stateDigest ? baseOfBytes(known) : null),
    );
  }

  private async getObjects(job: Extract<Job, { kind: "fetch" }>): Promise<void> {
    const { store, parcels } = this.ports;
    if (this.job !== job) return;
    const swept = await parcels.keepOnly(new Set(job.objects.map(({ digest }) => digest)));
    if (!swept.ok) this.ports.warn(explainStore(swept.error));
    let failure: TransferFailure | null = null;
    for (const [at, { digest, candidates }] of job.objects.entries()) {
      if (this.job !== job) return;
      this.percent = Math.floor((100 * at) / job.objects.length);
      if (await this.isThere(digest)) continue;
      const outcome = await this.move(job, digest, await inStore(store, candidates), (name) =>
        baseOfStore(store, name),
      );
      if (outcome.kind === "failed") {
        ({ failure } = outcome);
        break;
      }
    }
    if (this.job !== job) return;
    this.job = null;
    const message = failure?.message.slice(0, MESSAGE_CHARS_MAX) ?? "";
    this.ports.tell({ kind: "fetched", rev: job.rev, failure: failure === null ? null : { ...failure, message } });
    this.ports.changed(false);
  }

  private async move(
    job: Job,
    object: Digest,
    bases: readonly Digest[],
    open: (name: Digest) => DiskResult<Base | null>,
  ): Promise<Outcome> {
    const { store, reservedPercent, parcels, applyPatch, meter } = this.ports;
    if (this.job !== job) return { kind: "stopped" };
    const policy = this.ports.orders.order?.desired.policy;
    const mover = await moveObject(
      {
        store,
        reservedPercent,
        parcels,
        bases: open,
        applyPatch,
        ask: this.ports.request,
        probe: this.ports.probe,
        stream: (by, part) => this.heeded(streamed(this.ports, by, part)),
        needRoom: (bytes) => this.needRoom(bytes),
        now: () => ({
          atMs: this.ports.now(),
          roomBytes: meter.room(),
          moreRoomAtMs: this.ports.now() + Math.max(0, meter.nextDayMs() - this.ports.wallMs()),
        }),
        setTimer: this.ports.setTimer,
      },
      {
        object,
        bases,
        whole: policy?.whole === true,
        https: policy?.https === true,
        datagrams: this.ports.datagrams?.rests === false,
      },
      this.nextId,
      this.pace,
    );
    if (this.job !== job) mover.stop();
    else {
      this.mover = mover;
      if (this.online) mover.online();
    }
    const outcome = await mover.outcome;
    this.mover = null;
    this.pace = mover.view.pace;
    this.nextId = (mover.view.id + 1) % 2 ** 32;
    return outcome;
  }

  private async *heeded(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      yield part;
      if (this.mover !== null) this.ports.measured(this.mover.view.pace);
      this.report();
    }
  }

  private async needRoom(bytes: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = this.ports.setTimer(ROOM_WITHIN_MS, () => resolve(false));
    this.answerRoom = resolve;
    this.ports.tell({ kind: "needRoom", bytes });
    const enough = await promise;
    this.answerRoom = null;
    stop();
    return enough;
  }

  private async isThere(digest: Digest): Promise<boolean> {
    const { store } = this.ports;
    const hashed = await store.hashing.hash(WHY, objectPath(store, digest));
    return hashed.ok && hashed.value.digest === digest;
  }

  /** How far the job is. */
  private report(): void {
    const { job } = this;
    const order = this.pending();
    if (order === null || job === null) return;
    const share = job.kind === "state" ? 0 : (100 * (this.mover?.fraction ?? 0)) / Math.max(1, job.objects.length);
    const phase = job.kind === "state" ? "queued" : "downloading";
    this.ports.progress.at(order.desired.sequence, phase, Math.floor(this.percent + share));
  }

  /** The hub hears of it before the device forgets that it has to: a power cut between makes it hear twice. */
  private async settle(
    order: Order,
    verdict: Verdict,
    reason: Progress["reason"],
    evidence: Progress["evidence"] = null,
  ): Promise<void> {
    const { orders, progress, warn } = this.ports;
    this.halt();
    this.lastWord = true;
    await progress.verdict(order.desired.sequence, verdict, reason);
    if (evidence !== null) await this.ports.evidence(revOf(order), evidence);
    const kept = await orders.settle(order.desired.sequence, verdict);
    if (!kept.ok) warn(explainStore(kept.error));
    this.ports.changed(true);
  }
}

const MESSAGE_CHARS_MAX = 1024;

function revOf({ desired }: Order): RevisionName {
  const rev = parseRevisionName(String(desired.rev));
  if (rev.ok) return rev.value;
  throw new Error("a number is a name of a revision");
}

const failed = (failure: TransferFailure): Outcome => ({ kind: "failed", failure });
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
