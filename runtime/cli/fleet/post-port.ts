import * as v from "valibot";
import type { HubFault, HubPort } from "../../author/reference/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Digest, parseDigest } from "../../state/index.ts";
import { printable } from "../table.ts";
import { type Account, explainAddress, originOf, readAccount } from "./account.ts";
import { askHub, explainAsk, type Question } from "./ask.ts";

const Sha = v.custom<Digest>((text) => typeof text === "string" && parseDigest(text) !== null);
const Missing = v.object({ missing: v.array(Sha) });
const Put = v.object({ digest: v.string() });
const Posted = v.object({ revision: v.string(), warnings: v.array(v.string()) });

/** The account for a hub; null: that of the last login. The error is a sentence. */
export async function accountFor(
  address: string | null,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<Account, string>> {
  const wanted = address === null ? null : originOf(address);
  if (address !== null && wanted === null) return err(explainAddress(address));
  const account = await readAccount(env);
  if (!account.ok || wanted === null || account.value.address === wanted) return account;
  return err(`logged in at ${account.value.address}, and not at ${wanted}: "cairn fleet login ${wanted}" does that`);
}

/** A hub to which an author sends. */
export function hubPort(account: Account): HubPort {
  async function ask<T>(question: Question, wanted: v.GenericSchema<unknown, T>): Promise<Result<T, HubFault>> {
    const answer = await askHub(account, question, wanted);
    if (answer.ok) return answer;
    return err({ kind: "hub", why: printable(explainAsk(answer.error)), answered: answer.error.kind === "refused" });
  }
  return {
    async missing(digests) {
      const answer = await ask({ method: "POST", path: "/objects/missing", body: { digests } }, Missing);
      return answer.ok ? ok(answer.value.missing) : answer;
    },
    async put(digest, bytes, sizeBytes) {
      const question = { method: "PUT", path: `/objects/${digest}`, content: { bytes, sizeBytes } } as const;
      const answer = await ask(question, Put);
      return answer.ok ? ok(undefined) : answer;
    },
    add: (text, message) =>
      ask(
        {
          method: "POST",
          path: `/revisions?${new URLSearchParams({ message })}`,
          content: { bytes: once(Buffer.from(text)), sizeBytes: Buffer.byteLength(text) },
        },
        Posted,
      ),
  };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
