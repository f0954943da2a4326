import { refusal } from "./answer.ts";
import type { Device } from "./device.ts";
import { CONTINUE, HEAD_BYTES_MAX, type Head, readHead, writeResponse } from "./http.ts";
import { type Inbox, openInbox } from "./inbox.ts";
import type { Caller, ControlResponse } from "./message.ts";
import { openPace } from "./pace.ts";
import { type Admission, admit, tooLarge } from "./respond.ts";
import { TRANSFER_RETRY_SECONDS, type Transfers } from "./transfers.ts";

export const connectionLimits = {
  /** From the connection to the last byte of the request, and again to take the answer, however busy the client looks. */
  requestMaxMs: 5000,
  /** How long a client may go on sending what nobody reads: one that looks for an answer only afterwards still finds it. */
  lingerMaxMs: 2000,
} as const;

/** What is used of a socket. */
export interface Wire {
  /** How many bytes the kernel took; below 0: the connection is gone. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** Says that no more comes, and goes on reading. */
  shutdown(): void;
  /** Closes. */
  end(): void;
  terminate(): void;
}

export interface Serving {
  readonly caller: Caller;
  readonly device: Device;
  readonly transfers: Transfers;
  /** Hears of answers that could not be made or finished; the caller of the API got a 500, or less than it was promised. */
  readonly onBug: (error: unknown) => void;
}

/** One connection: one request, one answer. */
export interface Connection {
  data(bytes: Buffer): void;
  drain(): void;
  /** The client sends no more, and may still read. */
  ended(): void;
  closed(): void;
  /** The client is what it waits for, not we: it may be cut off when there are too many. */
  readonly idle: boolean;
}

/** What the next bytes are. `toComeBytes` counts those of the body that are still missing. */
type Reading =
  | { readonly kind: "head"; bytes: Buffer }
  | { readonly kind: "body"; readonly parts: Buffer[]; toComeBytes: number; readonly admission: Whole }
  | { readonly kind: "upload"; readonly inbox: Inbox; toComeBytes: number }
  | { readonly kind: "ignored"; toComeBytes: number };

type Whole = Extract<Admission, { kind: "whole" }>;

export function serveConnection(wire: Wire, { caller, device, transfers, onBug }: Serving): Connection {
  let reading: Reading = { kind: "head", bytes: Buffer.alloc(0) };
  let gone = false;
  let busy = false;
  /** Ends a wait for the socket: it takes bytes again, or the ignored ones are through. */
  let wake: () => void = () => {};
  let patience: Timer | undefined;
  /** The client waits for our word before it sends its body. */
  let owesContinue = false;
  const pace = openPace(cut);

  function cut(): void {
    if (gone) return;
    closed();
    wire.terminate();
  }

  function closed(): void {
    gone = true;
    clearTimeout(patience);
    pace.stop();
    if (reading.kind === "upload") reading.inbox.end(new Error("the client hung up"));
    wake();
  }

  function cutAfter(ms: number): void {
    clearTimeout(patience);
    patience = setTimeout(cut, ms);
  }

  const woken = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    return promise;
  };

  function data(bytes: Buffer): void {
    if (gone) return;
    switch (reading.kind) {
      case "head":
        reading.bytes = reading.bytes.length === 0 ? bytes : Buffer.concat([reading.bytes, bytes]);
        head(reading.bytes);
        return;
      case "body": {
        const part = bytes.subarray(0, reading.toComeBytes);
        reading.parts.push(part);
        reading.toComeBytes -= part.length;
        if (reading.toComeBytes === 0) whole(reading.admission, Buffer.concat(reading.parts));
        return;
      }
      case "upload": {
        const part = bytes.subarray(0, reading.toComeBytes);
        reading.toComeBytes -= part.length;
        pace.moved(part.length);
        const full = part.length > 0 && reading.inbox.put(part);
        if (reading.toComeBytes === 0) reading.inbox.end();
        else if (full) wire.pause();
        return;
      }
      case "ignored":
        reading.toComeBytes = Math.max(0, reading.toComeBytes - bytes.length);
        pace.moved(bytes.length);
        wake();
        return;
    }
  }

  function head(bytes: Buffer): void {
    const progress = readHead(bytes);
    switch (progress.kind) {
      case "more":
        return;
      case "malformed":
        refuse(refusal(400, "Unsupported protocol"), 0);
        return;
      case "chunked":
        refuse(refusal(400, "Wants Content-Length and no other coding of the body"), 0);
        return;
      case "tooLarge":
        refuse(tooLarge(HEAD_BYTES_MAX), 0);
        return;
      case "head": {
        const first = bytes.subarray(progress.headBytes);
        const refused = begin(progress.head, first);
        if (refused !== null) refuse(refused, Math.max(0, (progress.head.bodyBytes ?? 0) - first.length));
      }
    }
  }

  /** Gets ready for the body, of which `first` is here; or says why not. */
  function begin(request: Head, first: Buffer): ControlResponse | null {
    const bodyBytes = request.bodyBytes ?? 0;
    owesContinue = request.expectsContinue && first.length < bodyBytes;
    const admission = admit(caller, request);
    if (admission.kind === "refused") return admission.response;
    if (admission.kind === "whole") {
      if (bodyBytes > admission.bodyBytesMax) return tooLarge(admission.bodyBytesMax);
      reading = { kind: "body", parts: [], toComeBytes: bodyBytes, admission };
      goOn();
    } else {
      if (request.bodyBytes === null) return refusal(400, "Wants Content-Length");
      const release = transfers.take();
      if (release === null) return tooMany();
      clearTimeout(patience);
      const inbox = openInbox(() => {
        if (gone) return;
        goOn();
        wire.resume();
        pace.waiting();
      });
      reading = { kind: "upload", inbox, toComeBytes: bodyBytes };
      void answer(() => admission.answer(device, bodyBytes, inbox.chunks), release);
    }
    data(first); // empty or not: a body without bytes is whole now
    return null;
  }

  function goOn(): void {
    if (owesContinue) wire.write(CONTINUE);
    owesContinue = false;
  }

  function whole(admission: Whole, body: Buffer): void {
    reading = { kind: "ignored", toComeBytes: 0 };
    clearTimeout(patience);
    const release = admission.transfer ? transfers.take() : () => {};
    if (release === null) refuse(tooMany(), 0);
    else void answer(() => admission.answer(device, body), release);
  }

  const tooMany = (): ControlResponse =>
    refusal(503, "Too many objects are on their way. Try again", TRANSFER_RETRY_SECONDS);

  function refuse(response: ControlResponse, toComeBytes: number): void {
    reading = { kind: "ignored", toComeBytes };
    void answer(
      async () => response,
      () => {},
    );
  }

  async function answer(make: () => Promise<ControlResponse>, release: () => void): Promise<void> {
    busy = true;
    let response: ControlResponse;
    try {
      response = await make();
    } catch (error) {
      onBug(error);
      response = refusal(500, "Internal error");
    }
    try {
      if (reading.kind === "upload") await leaveUpload(reading, response.status < 400);
      await send(response);
    } catch (error) {
      onBug(error);
      cut();
    }
    release();
    busy = false;
    if (!gone) await finish();
  }

  /** What the store did not want to read: a refused client hears of it at once, another one first says all it has to say. */
  async function leaveUpload(
    { inbox, toComeBytes }: Extract<Reading, { kind: "upload" }>,
    wait: boolean,
  ): Promise<void> {
    inbox.discard();
    pace.stop();
    // One that asked before it sent anything, and is told the end already, sends nothing.
    reading = { kind: "ignored", toComeBytes: owesContinue ? 0 : toComeBytes };
    if (gone) return;
    wire.resume();
    if (wait) await ignoreRest(() => pace.waiting());
    pace.stop();
  }

  async function ignoreRest(before: () => void): Promise<void> {
    while (!gone && reading.kind === "ignored" && reading.toComeBytes > 0) {
      before();
      await woken();
    }
  }

  async function send(response: ControlResponse): Promise<void> {
    const { body } = response;
    const stream = typeof body !== "string" && "chunks" in body ? body : null;
    if (stream === null) {
      busy = false;
      if (!gone) cutAfter(connectionLimits.requestMaxMs);
    }
    await push(writeResponse(response), stream !== null);
    if (stream === null || gone) return;
    let sentBytes = 0;
    for await (const chunk of stream.chunks) {
      sentBytes += chunk.byteLength;
      if (sentBytes > stream.sizeBytes) break;
      await push(chunk, true);
      if (gone) return;
    }
    if (sentBytes !== stream.sizeBytes) throw new Error(`the object was to have ${stream.sizeBytes} bytes`);
  }

  /** Gives bytes to the kernel as it takes them. */
  async function push(bytes: Uint8Array, paced: boolean): Promise<void> {
    for (let rest = bytes; !gone; ) {
      const taken = wire.write(rest);
      if (taken < 0) cut();
      if (gone) return;
      if (paced) pace.moved(taken);
      rest = rest.subarray(taken);
      if (rest.byteLength === 0) return;
      if (paced) pace.waiting();
      await woken();
    }
  }

  async function finish(): Promise<void> {
    pace.stop();
    cutAfter(connectionLimits.lingerMaxMs);
    if (reading.kind === "ignored" && reading.toComeBytes > 0) wire.shutdown();
    // Bytes still queued on a Unix socket outlive its closing, so even a client that never stops sending reads its refusal.
    await ignoreRest(() => {});
    if (!gone) wire.end();
  }

  cutAfter(connectionLimits.requestMaxMs);
  return {
    data,
    drain: () => wake(),
    ended() {
      if (reading.kind === "head" || reading.kind === "body") {
        cut();
        return;
      }
      if (reading.kind === "upload" && reading.toComeBytes > 0) reading.inbox.end(new Error("the client hung up"));
      reading.toComeBytes = 0;
      wake();
    },
    closed,
    get idle() {
      return !busy;
    },
  };
}
