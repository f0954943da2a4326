import type { Result } from "../../result.ts";
import {
  type DiskError,
  explainStore,
  type NoSpace,
  type PutError,
  putObject,
  type Store,
  spaceFor,
  storageSpace,
} from "../../store/index.ts";
import type { EarlyBlocks } from "../datagrams/index.ts";
import {
  deadline,
  fraction,
  type KeptParcel,
  type Now,
  newTransfer,
  type Pace,
  type StreamBy,
  step,
  type Transfer,
  type TransferEffect,
  type TransferEvent,
  type TransferFailure,
  underWay,
  type Wanted,
} from "../transfer/index.ts";
import type { Block, BlockRequest } from "../wire/index.ts";
import type { Base, Bases } from "./bases.ts";
import { FrameError } from "./frames.ts";
import type { ParcelFile, Parcels } from "./parcels.ts";

/** Gives an object's bytes, in order and exactly so many, from a base and a patch; throws when that cannot be (`runtime/patch`). */
export type ApplyPatch = (what: {
  readonly base: Base | null;
  readonly patch: AsyncIterable<Uint8Array>;
  readonly objectBytes: number;
}) => AsyncIterable<Uint8Array>;

/** Of a parcel: so many bytes from one of them on. */
export interface Part {
  readonly parcel: KeptParcel;
  readonly from: number;
  readonly bytes: number;
  readonly early: EarlyBlocks;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export interface MoverPorts {
  /** Where the object goes. */
  readonly store: Store;
  /** Percent of it that stays free. */
  readonly reservedPercent: number;
  readonly parcels: Parcels;
  readonly bases: Bases;
  readonly applyPatch: ApplyPatch;
  ask(request: BlockRequest): void;
  /** Ends true when everything that was sent to us before has come; false: there is no connection. */
  probe(): Promise<boolean>;
  /** A part of a parcel as a stream; throws when it does not come. */
  stream(by: StreamBy, part: Part): AsyncIterable<Uint8Array>;
  /** Asks for room on the disk; true: some was made. */
  needRoom(bytes: number): Promise<boolean>;
  now(): Now;
  setTimer(ms: number, fire: () => void): () => void;
}

/** `stopped`: nobody wants it any more, or not now; what came of it is kept. */
export type Outcome =
  | { readonly kind: "done" | "stopped" }
  | { readonly kind: "failed"; readonly failure: TransferFailure };

/** One object on its way. */
export interface Mover {
  readonly outcome: Promise<Outcome>;
  /** Done when no more should be read before. */
  block(block: Block): Promise<void>;
  online(): void;
  offline(): void;
  /** There may be more room in the budget. */
  tick(): void;
  stop(): void;
  /** 0 to 1. */
  readonly fraction: number;
  /** Something may come at any time, or is being worked on. */
  readonly underWay: boolean;
  /** How fast it goes, for the next one. */
  readonly view: Transfer;
}

/** Goes on where a restart or a lost connection left the object, until it is in the store. `id`: a number that no transfer had lately. */
export async function moveObject(ports: MoverPorts, wanted: Wanted, id: number, pace: Pace): Promise<Mover> {
  const found = await ports.parcels.find(wanted.object);
  const file = found.ok ? found.value : null;
  return new Moving(ports, newTransfer(wanted, file, id, pace, ports.now().atMs), file);
}

class Moving implements Mover {
  private readonly over = Promise.withResolvers<Outcome>();
  private readonly handlers: Handlers;
  private ended = false;
  private acts: Promise<void> = Promise.resolve();
  private stopTimer = (): void => {};
  private readonly stopped = new AbortController();
  /** Nobody asks for datagrams where there may be no network for days. */
  private offlineNow = new AbortController();

  constructor(
    private readonly ports: MoverPorts,
    private transfer: Transfer,
    file: ParcelFile | null,
  ) {
    this.handlers = new Handlers(ports, transfer.wanted, file, (event) => void this.send(event));
  }

  get outcome(): Promise<Outcome> {
    return this.over.promise;
  }
  get fraction(): number {
    return fraction(this.transfer);
  }
  get underWay(): boolean {
    return !this.ended && underWay(this.transfer);
  }
  get view(): Transfer {
    return this.transfer;
  }

  async block(block: Block): Promise<void> {
    this.send({ kind: "block", block });
    // Making the object, or room for it, takes long: that must not hold up everything else that comes.
    if (this.transfer.phase === "moving") await this.acts;
  }
  online(): void {
    this.send({ kind: "online" });
  }
  offline(): void {
    this.send({ kind: "offline" });
    this.offlineNow.abort();
    this.offlineNow = new AbortController();
    this.acts = this.acts.then(() => this.handlers.sync());
  }
  tick(): void {
    this.send({ kind: "tick" });
  }
  stop(): void {
    this.end({ kind: "stopped" });
  }

  private send(event: TransferEvent): void {
    if (this.ended) return;
    const now = this.ports.now();
    const [after, effects] = step(this.transfer, event, now);
    this.transfer = after;
    for (const effect of effects) this.acts = this.acts.then(() => this.act(effect)).catch(this.over.reject);
    this.stopTimer();
    const dueMs = deadline(after, now);
    if (dueMs !== null) this.stopTimer = this.ports.setTimer(Math.max(0, dueMs - now.atMs), () => void this.due());
  }

  /** What is only late, since the network is away, must not be asked for once more: it would come twice. */
  private async due(): Promise<void> {
    if (this.transfer.asked.size === 0 || (await this.ports.probe())) this.tick();
  }

  private async act(effect: TransferEffect): Promise<void> {
    if (this.ended) return;
    switch (effect.kind) {
      case "ask":
        return this.ports.ask(effect.request);
      case "open":
        return this.handlers.open(effect.parcel);
      case "keep":
        return this.handlers.keep(effect.bytes);
      case "stream":
        void this.stream(effect);
        return;
      case "finish":
        return this.handlers.finish(effect.parcel);
      case "done":
        return this.end({ kind: "done" });
      case "fail":
        return this.end({ kind: "failed", failure: effect.failure });
    }
  }

  /** Beside what is done in turn; its bytes are kept in turn. */
  private async stream({ by, parcel, from, bytes }: Extract<TransferEffect, { kind: "stream" }>): Promise<void> {
    const { signal } = this.stopped;
    const until = by === "datagrams" ? AbortSignal.any([signal, this.offlineNow.signal]) : signal;
    const { early } = this.handlers;
    try {
      for await (const piece of this.ports.stream(by, { parcel, from, bytes, early, signal: until })) {
        if (this.ended || !this.transfer.streaming) return;
        this.send({ kind: "streamed", bytes: piece });
        if (this.transfer.phase === "moving") await this.acts;
      }
    } catch {
      // How it failed does not matter: another one is tried, or blocks.
    }
    this.send({ kind: "streamEnded" });
  }

  private end(outcome: Outcome): void {
    if (this.ended) return;
    this.stopped.abort();
    this.ended = true;
    this.stopTimer();
    this.acts.then(() => this.handlers.close()).then(() => this.over.resolve(outcome), this.over.reject);
  }
}

/** What is done with the disk. What comes of it is an event. */
class Handlers {
  private askedForRoom = false;
  /** Why base or parcel could not be read: that is not the patch's fault. */
  private unread: string | null = null;

  constructor(
    private readonly ports: MoverPorts,
    private readonly wanted: Wanted,
    private file: ParcelFile | null,
    private readonly send: (event: TransferEvent) => void,
  ) {}

  get early(): EarlyBlocks {
    return this.file?.early ?? noEarlyBlocks;
  }

  async open(parcel: KeptParcel): Promise<void> {
    const { parcels, store, reservedPercent } = this.ports;
    await this.close();
    this.file = null;
    const bytes = parcel.bytes + parcel.objectBytes;
    const begun = await this.withRoom(bytes, async (): Promise<Result<ParcelFile, DiskError | NoSpace>> => {
      const space = await storageSpace(store, reservedPercent);
      const enough = space.ok ? spaceFor(space.value, bytes) : space;
      return enough.ok ? parcels.begin(this.wanted.object, parcel) : enough;
    });
    if (!begun.ok) return this.fail(begun.error);
    this.file = begun.value;
    this.send({ kind: "opened" });
  }

  async keep(bytes: Uint8Array): Promise<void> {
    const { file } = this;
    if (file === null) return; // it has failed before
    const kept = await this.withRoom(bytes.length, () => file.append(bytes));
    if (!kept.ok) await this.fail(kept.error);
  }

  async sync(): Promise<void> {
    const synced = (await this.file?.sync()) ?? { ok: true };
    if (!synced.ok) await this.fail(synced.error);
  }

  async finish(parcel: KeptParcel): Promise<void> {
    const { file } = this;
    if (file === null) return;
    await file.close();
    try {
      if (!(await isWhole(file))) return await this.finished("wrongParcel");
    } catch (thrown) {
      if (thrown instanceof FrameError) return await this.giveUp(thrown.message);
      throw thrown;
    }
    const put = await this.withRoom(parcel.objectBytes, () => this.put(file));
    if (put.ok) return this.finished("stored");
    const { error } = put;
    if (this.unread !== null) return await this.giveUp(this.unread);
    const bad = error.kind === "badDigest" || error.kind === "tooMany" || error.kind === "source";
    return bad ? this.finished("badPatch") : this.fail(error);
  }

  async close(): Promise<void> {
    await this.file?.sync();
    await this.file?.close();
  }

  private async put(file: ParcelFile): Promise<Result<unknown, PutError>> {
    const { store, reservedPercent, bases, applyPatch } = this.ports;
    const { object } = this.wanted;
    const { base: name, objectBytes } = file.parcel;
    const base = name === null ? null : await bases(name);
    if (base !== null && !base.ok) return base;
    if (base?.value === null)
      return { ok: false, error: { kind: "source", digest: object, cause: "its base is gone" } };
    try {
      const from = base?.value ?? null;
      const bytes = applyPatch({
        base: from === null ? null : this.watched(from),
        patch: this.heeded(file.read()),
        objectBytes,
      });
      return await putObject(store, object, bytes, { expectedBytes: objectBytes, reservedPercent });
    } finally {
      await base?.value?.close();
    }
  }

  private watched(base: Base): Base {
    return {
      ...base,
      read: async (into, atBytes) => {
        const read = await base.read(into, atBytes);
        if (!read.ok) this.unread = explainStore(read.error);
        return read;
      },
    };
  }

  private async *heeded(parcel: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* parcel;
    } catch (thrown) {
      this.unread = thrown instanceof Error ? thrown.message : String(thrown);
      throw thrown;
    }
  }

  /** The parcel has had its use. */
  private async finished(how: "stored" | "wrongParcel" | "badPatch"): Promise<void> {
    this.file = null;
    const gone = await this.ports.parcels.forget(this.wanted.object);
    if (!gone.ok && how !== "stored") return this.fail(gone.error);
    this.send({ kind: "finished", how });
  }

  /** Tries again when it has asked for room and got some; once for an object. */
  private async withRoom<T, E extends DiskError | NoSpace | PutError>(
    bytes: number,
    act: () => Promise<Result<T, E>>,
  ): Promise<Result<T, E>> {
    const done = await act();
    if (done.ok || done.error.kind !== "noSpace" || this.askedForRoom) return done;
    this.askedForRoom = true;
    return (await this.ports.needRoom(bytes)) ? act() : done;
  }

  private fail(error: DiskError | PutError): Promise<void> {
    return this.giveUp(explainStore(error), error.kind === "noSpace" ? "noSpace" : "installFailed");
  }

  /** Nothing more is kept: bytes must not be missing in the middle. */
  private async giveUp(message: string, reason: "noSpace" | "installFailed" = "installFailed"): Promise<void> {
    const { file } = this;
    this.file = null;
    this.send({ kind: "failed", failure: { reason, message } });
    await file?.close();
  }
}

const noEarlyBlocks: EarlyBlocks = { find: async () => new Map(), keep: async () => {} };

async function isWhole(file: ParcelFile): Promise<boolean> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const bytes of file.read()) hasher.update(bytes);
  return hasher.digest("hex") === file.parcel.digest;
}
