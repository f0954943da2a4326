import * as v from "valibot";
import { BadPackage, type Package, type PackedObject } from "../../../package/index.ts";
import { type Digest, parseDigest } from "../../../state/index.ts";
import type { Out } from "../../command.ts";
import { sizeText } from "../../size.ts";
import { answerTo } from "../call.ts";
import { type Client, stepPath } from "../client.ts";
import { EXIT } from "../exits.ts";
import { read } from "../tables.ts";

const Objects = v.array(v.object({ sha256: v.string() }));

export interface Delivered {
  readonly objectsSent: number;
  readonly bytesSent: number;
  /** That the device had already. */
  readonly objectsKept: number;
  /** The revision was there with this very state. */
  readonly reused: boolean;
}

interface Refused {
  readonly exit: number;
}

/**
 * Brings a package to the device under a name: first the objects it lacks, each checked by the device, then the state. A state is only
 * put when every object is there; nothing is run. What is refused was said on stderr, and can be tried again: objects that arrived stay.
 */
export async function deliver(
  client: Client,
  parcel: Package,
  name: string,
  message: string | null,
  out: Out,
): Promise<Delivered | Refused> {
  const listed = await answerTo(client, { method: "GET", path: "/objects" }, out);
  if ("exit" in listed) return listed;
  const there = read(Objects, listed.body);
  if (there === null) {
    out.complain("the device's list of objects is not what this version knows");
    return { exit: EXIT.other };
  }
  const has = new Set(there.map(({ sha256 }) => parseDigest(sha256)).filter((digest) => digest !== null));
  const nowhere = parcel.missing.filter((digest) => !has.has(digest));
  if (nowhere.length > 0) {
    out.complain(`${nowhere.length} objects are neither in the package nor on the device, such as ${nowhere[0]}`);
    return { exit: EXIT.other };
  }
  const wanted = new Set([...parcel.objects.keys()].filter((digest) => !has.has(digest)));
  const sent = await sendObjects(client, parcel, wanted, out);
  if ("exit" in sent) return sent;
  const reused = await putState(client, name, parcel.state, out);
  if (typeof reused !== "boolean") return reused;
  if (message !== null) {
    const told = await answerTo(client, { method: "PUT", path: `${stepPath(name)}/commitmsg`, body: message }, out);
    if ("exit" in told) return told;
  }
  const objectsKept = parcel.objects.size + parcel.missing.length - wanted.size;
  return { objectsSent: wanted.size, bytesSent: sent.bytesSent, objectsKept, reused };
}

async function sendObjects(
  client: Client,
  parcel: Package,
  wanted: ReadonlySet<Digest>,
  out: Out,
): Promise<{ readonly bytesSent: number } | Refused> {
  const totalBytes = [...wanted].reduce((sum, digest) => sum + (parcel.objects.get(digest) ?? 0), 0);
  let bytesSent = 0;
  let count = 0;
  let refused: Refused | null = null;
  const show = (): void =>
    out.progress?.(`object ${count} of ${wanted.size}, ${sizeText(bytesSent)} of ${sizeText(totalBytes)}`);
  const counted = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of bytes) {
      yield part;
      bytesSent += part.byteLength;
      show();
    }
  };
  const sendOne = async ({ digest, sizeBytes, bytes }: PackedObject): Promise<boolean> => {
    count++;
    show();
    const body = { sizeBytes, bytes: counted(bytes) };
    const call = { method: "PUT", path: `/objects/${digest}`, body, about: "object" } as const;
    const answer = await answerTo(client, call, out);
    if ("exit" in answer) {
      out.complain(`object ${digest} was not stored: nothing was run`);
      refused = answer;
      return false;
    }
    if (out.progress === null) {
      out.print(`object ${count} of ${wanted.size}: ${digest}, ${sizeText(sizeBytes)}`);
    }
    return true;
  };
  try {
    await parcel.each(wanted, sendOne);
  } catch (error) {
    if (!(error instanceof BadPackage)) throw error;
    out.complain(`${error.message}: nothing was run`);
    return { exit: EXIT.other };
  }
  return refused ?? { bytesSent };
}

/** True: the revision is there and says the same, so it is left alone. */
async function putState(client: Client, name: string, state: string, out: Out): Promise<boolean | Refused> {
  const path = stepPath(name);
  const there = await client.ask("GET", path);
  if (there.ok && there.value.status === 200 && there.value.body === state) return true;
  const answer = await answerTo(client, { method: "PUT", path, body: state }, out);
  return "exit" in answer ? answer : false;
}
