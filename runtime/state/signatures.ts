import * as v from "valibot";
import type { Document } from "./document.ts";
import type { SignatureEntry } from "./model.ts";
import { isObject, object, shaped } from "./shape.ts";

const base64url = v.pipe(
  v.string(),
  v.check((text) => /^[A-Za-z0-9_-]+$/.test(text), "base64url without padding"),
);
const SignatureShape = object({ protected: base64url, signature: base64url });

/** Every object with `"#spec":"pvs@2"`, wherever its key lies (reference 12.3). One that could never verify is refused here. */
export function findSignatures({ inline, findings }: Document): readonly SignatureEntry[] {
  return [...inline].flatMap(([key, value]) => {
    if (!isObject(value) || value["#spec"] !== "pvs@2") return [];
    const shape = shaped(SignatureShape, value, findings, key);
    return shape === null ? [] : [{ key, protected: shape.protected, signature: shape.signature }];
  });
}
