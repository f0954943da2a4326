import * as v from "valibot";
import { err, invariant, ok, type Result } from "../../result.ts";
import { shown } from "../../state/index.ts";
import { readCbor, writeCbor } from "./cbor.ts";
import type { Codec } from "./codec.ts";
import { explainWire, type WireFault } from "./fault.ts";
import { type Leaf, leaves, type SignedLeaf } from "./leaves.ts";
import { limits } from "./limits.ts";

/** Payload that came out of an envelope: signed by a key that is trusted, for the topic on which it came. Only `openSigned` makes it. */
export type Verified = Uint8Array & { readonly __brand: "Verified" };

export interface Message<T, P extends Uint8Array> {
  /** Throws when the value is beyond a limit: that is the caller's mistake. */
  readonly encode: (value: T) => Uint8Array;
  /** Length first, then CBOR, then what it means. Never throws. */
  readonly decode: (payload: P) => Result<T, WireFault>;
}

/** The message of a leaf. What is signed can be decoded only after its signature was checked. */
export function message<L extends Leaf, T>(
  leaf: L,
  codec: Codec<T>,
): Message<T, L extends SignedLeaf ? Verified : Uint8Array> {
  const bytesMax = leaves[leaf].bytesMax - (leaves[leaf].signed ? limits.envelopeBytes : 0);
  return {
    encode: (value) => {
      const wire = codec.write(value);
      const shape = shaped(leaf, codec.schema, wire);
      invariant(wire !== null && shape.ok, shape.ok ? "a message is something" : explainWire(shape.error));
      const bytes = writeCbor(wire);
      invariant(bytes.length <= bytesMax, `a message on ${leaf} has at most ${bytesMax} bytes, not ${bytes.length}`);
      return bytes;
    },
    decode: (payload) => read(leaf, codec.schema, payload, bytesMax),
  };
}

/** What every decoder does. */
export function read<T>(
  leaf: Leaf,
  schema: v.GenericSchema<unknown, T>,
  bytes: Uint8Array,
  bytesMax: number,
): Result<T, WireFault> {
  if (bytes.length > bytesMax) return err({ kind: "tooLong", leaf, bytes: bytes.length, bytesMax });
  const wire = readCbor(bytes);
  return wire.ok ? shaped(leaf, schema, wire.value) : err({ kind: "cbor", leaf, what: wire.error });
}

function shaped<T>(leaf: Leaf, schema: v.GenericSchema<unknown, T>, wire: unknown): Result<T, WireFault> {
  const result = v.safeParse(schema, wire, { abortEarly: true });
  if (result.success) return ok(result.output);
  const [issue] = result.issues;
  return err({
    kind: "shape",
    leaf,
    path: v.getDotPath(issue) ?? "",
    found: shown(issue.input),
    wanted: issue.message,
  });
}
