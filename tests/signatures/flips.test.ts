/** Every single bit of a signed state: whoever flips one is found out. */
import { expect, test } from "bun:test";
import { decodeBase64Url } from "../../runtime/signatures/base64.ts";
import { readHeader } from "../../runtime/signatures/header.ts";
import { coverage, verifyState } from "../../runtime/signatures/index.ts";
import { readSignedState, select, signingInput } from "../../runtime/signatures/selection.ts";
import { parseState } from "../../runtime/state/index.ts";
import { NOW, sample, trust, unwrap } from "./signed-state.ts";

const bytes = Buffer.from(sample);
const state = unwrap(parseState(sample));

/** Verified as a device in mode strict does; `only`: just these signatures. */
function accepts(text: Uint8Array, only?: readonly string[]): boolean {
  const result = verifyState(text, trust, { nowMs: NOW, ...(only === undefined ? {} : { only }) });
  return result.ok && (only !== undefined || coverage(result.value, "strict").accepted);
}

/** Which signature vouches for the byte at an offset; null: none does. All of the sample is ASCII, so offsets are those of the text. */
function voucherOf(at: number): string | null {
  const entry = state.entries.find(({ keySlice, slice }) => keySlice.start <= at && at < slice.end);
  if (entry === undefined || entry.key.endsWith("src.json")) return null;
  if (entry.key.startsWith("_sigs/")) return at < entry.keySlice.end ? null : entry.key;
  const part = entry.key.split("/")[0] ?? "";
  return `_sigs/${part === "web" || part === "metrics" ? part : "bsp"}.json`;
}

/** The bytes that the signature `key` of a text is about; null: refused before there are any. */
function inputOf(text: Uint8Array, key: string): string | null {
  const read = readSignedState(text);
  const element = read.ok ? read.value.members.find((member) => member.key === key) : undefined;
  if (!read.ok || element === undefined) return null;
  const { protected: written } = JSON.parse(element.text);
  const header = typeof written === "string" ? decodeBase64Url(written) : null;
  const parsed = header === null ? null : readHeader(header);
  if (!parsed?.ok) return null;
  const selection = select(read.value, parsed.value.include, parsed.value.exclude);
  return selection === null ? null : Buffer.from(signingInput(written, selection.payload)).toString();
}

const ec = "_sigs/metrics.json";
const ecSignature = (() => {
  const start = sample.indexOf('"signature":"', sample.indexOf(`"${ec}"`));
  return { start, end: sample.indexOf('"', start + 14) };
})();

test("the sample is accepted as it is, and is of a realistic size", () => {
  expect(sample).toMatch(/^[ -~]+$/);
  expect(accepts(bytes)).toBe(true);
  expect(bytes.length).toBe(5_162);
});

test("a state in which any one bit was flipped is refused, unless nothing that a device uses has changed", () => {
  const signedInput = inputOf(bytes, ec);
  const passed: string[] = [];
  const count = { flips: 0, verified: 0 };
  for (let at = 0; at < bytes.length; at += 1) {
    const voucher = voucherOf(at);
    for (let bit = 0; bit < 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
      count.flips += 1;
      if (voucher === ec && (at < ecSignature.start || at >= ecSignature.end)) {
        // ECDSA takes milliseconds. With other input the same signature is no good: here, too, one time in 64.
        const input = inputOf(flipped, ec);
        if (input === null || (input !== signedInput && count.flips % 64 !== 0)) continue;
      }
      count.verified += 1;
      if (voucher !== null && !accepts(flipped, [voucher])) continue;
      if (accepts(flipped)) passed.push(difference(flipped.toString()));
    }
  }
  expect(count.flips).toBe(41_296);
  expect(count.verified).toBeGreaterThan(36_000); // by the whole verifier; the others by what it would have hashed
  expect(new Set(passed)).toEqual(
    new Set([
      "notes of bsp", // src.json, which no device reads
      "notes of web",
      "name of a signature", // by which it is called, and nothing else
      "another way to write the same number", // 1.5e0 for 1.5E0: the value is what is signed
    ]),
  );
}, 120_000);

/** What differs in a state that was accepted, compared with the sample. */
function difference(text: string): string {
  const [now, before]: readonly Record<string, unknown>[] = [JSON.parse(text), JSON.parse(sample)];
  const keys = [...new Set([...Object.keys(now ?? {}), ...Object.keys(before ?? {})])];
  const changed = keys.filter((key) => JSON.stringify(now?.[key]) !== JSON.stringify(before?.[key]));
  const [one, ...others] = changed;
  if (one === undefined) return "another way to write the same number";
  if (one.endsWith("/src.json") && others.length === 0) return `notes of ${one.slice(0, -"/src.json".length)}`;
  const moved =
    changed.length === 2 &&
    JSON.stringify(now?.[changed[0] ?? ""] ?? before?.[changed[0] ?? ""]) ===
      JSON.stringify(now?.[changed[1] ?? ""] ?? before?.[changed[1] ?? ""]);
  return moved && changed.every((key) => /^_sigs\/[^/]+\.json$/.test(key))
    ? "name of a signature"
    : `CHANGED ${changed}`;
}
