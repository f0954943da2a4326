import * as v from "valibot";
import type { Json } from "../state/index.ts";
import { limits } from "./limits.ts";

/**
 * A signature element (reference authoring 3.1): a flattened JWS (RFC 7515 section 7.2.2) without its payload. What makes it one is
 * `#spec`, wherever it lies; other members than these do not matter.
 */
export const Element = v.looseObject({ "#spec": v.literal("pvs@2") });

export const isSignature = (value: Json): value is Json & v.InferOutput<typeof Element> => v.is(Element, value);

const boundedText = (max: number) => v.pipe(v.string(), v.maxLength(max));
export const Protected = boundedText(limits.protectedCharsMax);
export const Signature = boundedText(limits.signatureCharsMax);
