/** Revisions that somebody signed whom devices trust. The keys are test material that everybody has. */
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  finishSignature,
  prepareSignature,
  readCertificates,
  readPublicKeys,
  type SignatureWish,
} from "../../runtime/signatures/index.ts";
import { must } from "../store/world.ts";
import type { Part } from "./container.ts";
import { canonical, type Json } from "./json.ts";
import type { Revision } from "./revision.ts";

const folder = join(import.meta.dir, "../signatures/vectors/pki");
const pki = (name: string): string => readFileSync(join(folder, name), "utf8");

/** Who signs: a developer whose certificate the trust store's root stands behind, or somebody else. */
export type Signer = "dev-rsa" | "dev-ec256" | "rogue";

/** The signer's files, for `cairn sign`. */
export const signer = (by: Signer): { readonly key: string; readonly chain: string } => ({
  key: join(folder, `${by}.key`),
  chain: join(folder, `${by}.chain.pem`),
});

/** For `BaseOptions.files`: whom the device trusts. */
export const trustStore: Readonly<Record<string, string>> = {
  "/etc/pantavisor/pvs/trust/ca-certificates.crt": pki("trust-a.pem"),
};

/** The same revision with one signature over everything, or over what `include` says. */
export function signed(made: Revision, by: Signer = "dev-ec256", include: readonly string[] = ["**"]): Revision {
  const [key] = must(readPublicKeys(pki(`${by}.pub`)));
  if (key === undefined) throw new Error(`${by} has no key`);
  const wish: SignatureWish = {
    include,
    exclude: ["_sigs/device.json"],
    key,
    x5c: must(readCertificates(pki(`${by}.chain.pem`))),
  };
  const prepared = must(prepareSignature(made.state, wish));
  const answer = sign(prepared.hash, prepared.signingInput, createPrivateKey(pki(`${by}.key`)));
  const element = JSON.parse(must(finishSignature(prepared, answer))) as Json;
  const state = { ...(JSON.parse(made.state) as Record<string, Json>), "_sigs/device.json": element };
  const parts = new Map<string, Part>([...made.parts, ["_sigs/device.json", { json: element }]]);
  return { ...made, state: canonical(state), parts };
}
