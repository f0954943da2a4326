/** A realistic state of three parts, signed here: bsp RS256 with x5c, web RS256 and metrics ES256 by key. Covered as `strict` wants. */
import { createPrivateKey, sign } from "node:crypto";
import {
  type Certificate,
  finishSignature,
  type PublicKey,
  prepareSignature,
  readCertificates,
  readPublicKeys,
  type Trust,
} from "../../runtime/signatures/index.ts";
import { canonical, canonicalText } from "../../runtime/state/index.ts";
import { vectorText } from "./vectors.ts";

export const NOW = Date.UTC(2026, 0, 1);

export const unwrap = <T>(result: { ok: true; value: T } | { ok: false; error: unknown }): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

export const certificatesOf = (file: string): readonly Certificate[] =>
  unwrap(readCertificates(vectorText(`pki/${file}`)));

export function keyOf(file: string): PublicKey {
  const [key] = unwrap(readPublicKeys(vectorText(`pki/${file}`)));
  if (key === undefined) throw new Error(`${file} has no key`);
  return key;
}

export interface SampleSignature {
  readonly name: string;
  /** Of the vectors' keys: `dev-rsa`. */
  readonly signer: string;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly x5c?: readonly Certificate[];
  readonly form?: "raw" | "der";
}

/** The state's text with one more signature. */
export function signed(state: string, { name, signer, include, exclude, x5c, form }: SampleSignature): string {
  const key = `_sigs/${name}.json`;
  const wish = { include, exclude: [...(exclude ?? []), key], key: keyOf(`${signer}.pub`), x5c: x5c ?? [] };
  const prepared = unwrap(prepareSignature(state, wish));
  const secret = createPrivateKey(vectorText(`pki/${signer}.key`));
  const answer = sign(prepared.hash, prepared.signingInput, { key: secret, dsaEncoding: "ieee-p1363" });
  return withMember(state, key, JSON.parse(unwrap(finishSignature(prepared, answer, { form: form ?? "raw" }))));
}

/** The state's text with a member set; undefined: removed. */
export function withMember(state: string, key: string, value: unknown): string {
  return unwrap(canonicalText(JSON.stringify({ ...JSON.parse(state), [key]: value })));
}

const digest = (n: number): string => n.toString(16).repeat(64).slice(0, 64);

export const unsigned = canonical({
  "#spec": "pantavisor-service-system@1",
  "bsp/kernel.img": digest(1),
  "bsp/pantavisor": digest(2),
  "bsp/run.json": { initrd: "pantavisor", linux: "kernel.img" },
  "bsp/src.json": { "#spec": "bsp-manifest-src@1" },
  "device.json": { groups: [{ name: "app", timeout: 30 }] },
  "metrics/lxc.container.conf": digest(5),
  "metrics/root.squashfs": digest(3),
  "metrics/run.json": { config: "lxc.container.conf", name: "metrics", "root-volume": "root.squashfs", type: "lxc" },
  "web/lxc.container.conf": digest(6),
  "web/root.squashfs": digest(4),
  "web/run.json": {
    "#spec": "service-manifest-run@1",
    config: "lxc.container.conf",
    load: 1.5,
    name: "web",
    "root-volume": "root.squashfs",
    type: "lxc",
  },
  "web/src.json": { docker_name: "web" },
});

const [leaf, ...above] = certificatesOf("dev-rsa.chain.pem");

/** Whom the sample's signatures lead to. The intermediate is trusted itself, so that `x5c` need not carry it. */
export const trust: Trust = { certificates: above, keys: [keyOf("dev-second.pub"), keyOf("dev-ec256.pub")] };

const bsp = {
  name: "bsp",
  signer: "dev-rsa",
  include: ["bsp/**", "#spec", "device.json"],
  exclude: ["bsp/src.json"],
  x5c: leaf === undefined ? [] : [leaf],
};
const web = { name: "web", signer: "dev-second", include: ["web/**"], exclude: ["web/src.json"] };
const metrics = { name: "metrics", signer: "dev-ec256", include: ["metrics/**"] };

export const sample = [bsp, web, metrics].reduce(signed, unsigned);
