import { Duplex } from "node:stream";

/** Half a megabyte comes at a time, and who takes it all apart at once has a quarter of a million packets in memory. */
const PIECE_BYTES = 16 << 10;

/**
 * A connection behind a gate: what comes is shown to `pass`, and until that is done nothing more is read. False: it does not go on, and the
 * connection is destroyed. What goes the other way is not looked at.
 */
export function gated(inner: Duplex, pass: (bytes: Uint8Array) => Promise<boolean>): Duplex {
  let passing: Promise<void> | null = null;
  let wanted = (): void => {};
  const outer = new Duplex({
    allowHalfOpen: false,
    read() {
      if (passing === null) inner.resume();
      wanted();
    },
    // What goes wrong, the connection's own events say best.
    write: (bytes: Uint8Array, _, done) => void inner.write(bytes, () => done()),
    // What was written together travels together: each record of TLS costs 22 bytes.
    writev: (parts, done) => void inner.write(Buffer.concat(parts.map(({ chunk }) => chunk)), () => done()),
    final(done) {
      inner.end();
      done();
    },
    destroy(problem, done) {
      inner.destroy();
      done(problem);
    },
  });
  async function show(bytes: Uint8Array): Promise<void> {
    if (!(await pass(bytes))) outer.destroy();
    for (let at = 0; at < bytes.length && !outer.destroyed; at += PIECE_BYTES) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wanted = resolve;
      if (!outer.push(bytes.subarray(at, at + PIECE_BYTES))) await promise;
    }
    passing = null;
    inner.resume();
  }
  inner.on("data", (bytes: Uint8Array) => {
    inner.pause();
    passing = show(bytes);
  });
  inner.on("end", async () => {
    await passing;
    if (!outer.destroyed) outer.push(null);
  });
  inner.on("error", (problem) => outer.destroy(problem));
  inner.on("close", () => {
    if (!inner.readableEnded) outer.destroy();
  });
  return outer;
}
