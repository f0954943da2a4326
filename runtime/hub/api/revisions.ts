import * as v from "valibot";
import type { Result } from "../../result.ts";
import { type Digest, parseDigest, limits as stateLimits } from "../../state/index.ts";
import { explainStore, type PutError } from "../../store/index.ts";
import type { Revision } from "../database/index.ts";
import { OBJECT_BYTES_MAX } from "../objects/index.ts";
import { explainRevision, type RevisionFault } from "../revisions/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import { timeOf } from "./device-view.ts";
import { type Asked, look, type Route } from "./route.ts";

/** As many digests as a state can have. */
const MISSING_BYTES_MAX = 1 << 20;

/** Authors send objects, then the state that is made of them. */
export const revisionRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/objects/missing",
    right: "operator",
    bodyBytesMax: MISSING_BYTES_MAX,
    answer: missing,
  },
  {
    method: "PUT",
    path: "/objects/:name",
    right: "operator",
    bodyBytesMax: OBJECT_BYTES_MAX,
    streams: true,
    answer: putObject,
  },
  { method: "POST", path: "/revisions", right: "operator", bodyBytesMax: stateLimits.stateBytesMax, answer: add },
  look("/revisions", async ({ revisions }) => done({ revisions: (await revisions.list()).map(revisionView) })),
  look("/revisions/:name", show),
  {
    method: "DELETE",
    path: "/revisions/:name",
    right: "operator",
    bodyBytesMax: 0,
    answer: async ({ revisions, name, caller }) => revisionAnswer(await revisions.remove(name, caller.name)),
  },
];

const Sha = v.custom<Digest>((text) => typeof text === "string" && parseDigest(text) !== null);
const Digests = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({ digests: v.pipe(v.array(Sha), v.maxLength(stateLimits.keysMax)) }),
);

async function missing({ revisions, body }: Asked): Promise<Answer> {
  const asked = v.safeParse(Digests, Buffer.from(body).toString());
  if (!asked.success) return refused(400, "body", 'wanted digests as JSON: {"digests":["…"]}');
  return done({ missing: await revisions.missing(asked.output.digests) });
}

async function putObject({ objects, name, stream }: Asked): Promise<Answer> {
  const digest = parseDigest(name);
  if (digest === null) return refused(400, "digest", "wanted the object's SHA-256 as 64 digits 0-9 a-f");
  const put = await objects.put(digest, stream.bytes, stream.sizeBytes);
  if (put.ok) return done({ digest, bytes: put.value.sizeBytes }, put.value.existed ? 200 : 201);
  return refused(putStatus(put.error), put.error.kind, explainStore(put.error));
}

function putStatus({ kind }: PutError): number {
  if (kind === "badDigest") return 422;
  if (kind === "noSpace") return 507;
  return kind === "source" || kind === "tooMany" ? 400 : 500;
}

async function add({ revisions, query, caller, body }: Asked): Promise<Answer> {
  const added = await revisions.add(body, query.get("message") ?? "", caller.name);
  if (!added.ok) return revisionRefused(added.error);
  const { revision, existed, warnings } = added.value;
  return done({ ...revisionView(revision), warnings }, existed ? 200 : 201);
}

async function show({ revisions, name }: Asked): Promise<Answer> {
  const found = await revisions.find(name);
  if (!found.ok) return revisionRefused(found.error);
  return done({ ...revisionView(found.value), objects: await revisions.objectsOf(found.value.digest) });
}

export const revisionView = ({ digest, bytes, message, who, atMs }: Revision) => ({
  revision: digest,
  bytes,
  message,
  who,
  at: timeOf(atMs),
});

const revisionAnswer = (found: Result<Revision, RevisionFault>): Answer =>
  found.ok ? done(revisionView(found.value)) : revisionRefused(found.error);

export function revisionRefused(fault: RevisionFault): Answer {
  if (fault.kind === "put") return refused(putStatus(fault.error), fault.error.kind, explainRevision(fault));
  const status = {
    state: 400,
    message: 400,
    objects: 409,
    unknown: 404,
    ambiguous: 409,
    released: 409,
    desired: 409,
  }[fault.kind];
  return refused(status, fault.kind, explainRevision(fault));
}
