import * as v from "valibot";
import type { Release, Tally } from "../database/index.ts";
import { isTag } from "../registry/index.ts";
import { EVERY_DEVICE, explainRelease } from "../releases/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import { timeOf, timeOrNull } from "./device-view.ts";
import { revisionRefused } from "./revisions.ts";
import { type Asked, look, type Route } from "./route.ts";

const RELEASE_BYTES_MAX = 4096;

/** Operators release revisions to devices by tag. */
export const releaseRoutes: readonly Route[] = [
  { method: "POST", path: "/releases", right: "operator", bodyBytesMax: RELEASE_BYTES_MAX, answer: release },
  look("/revisions/:name/cost", cost),
  look("/releases", async ({ releases }) => done({ releases: (await releases.list()).map(listed) })),
];

const Wish = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    revision: v.string(),
    tag: v.string(),
    policy: v.optional(
      v.strictObject({
        security: v.optional(v.boolean(), false),
        https: v.optional(v.boolean(), false),
        whole: v.optional(v.boolean(), false),
      }),
      {},
    ),
    expires: v.optional(v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse))), null),
  }),
);
const WANTED =
  'wanted {"revision":"…","tag":"…"}, and "policy" with "security", "https" and "whole", and "expires" as a time like 2026-12-01T00:00:00Z where that is meant';

async function release({ revisions, releases, caller, body }: Asked): Promise<Answer> {
  const wish = v.safeParse(Wish, Buffer.from(body).toString());
  if (!wish.success) return refused(400, "body", WANTED);
  const { revision, tag, policy, expires } = wish.output;
  const found = await revisions.find(revision);
  if (!found.ok) return revisionRefused(found.error);
  const released = await releases.release(
    { revision: found.value.digest, tag, policy, expiryMs: expires },
    caller.name,
  );
  if (released.ok) return done(releaseView(released.value), 201);
  const status = { tag: 400, expired: 400, noRevision: 404 }[released.error.kind];
  return refused(status, released.error.kind, explainRelease(released.error));
}

/** With `?tag=`: of a release to it; without, to all. */
async function cost({ revisions, costs, name, query }: Asked): Promise<Answer> {
  const tag = query.get("tag") ?? EVERY_DEVICE;
  if (!isTag(tag)) return refused(400, "tag", explainRelease({ kind: "tag", tag }));
  const found = await revisions.find(name);
  return found.ok ? done({ costs: await costs.of(found.value.digest, tag) }) : revisionRefused(found.error);
}

const releaseView = ({ number, revision, tag, policy, expiryMs, who, atMs }: Release) => ({
  number,
  revision,
  tag,
  policy,
  expires: timeOrNull(expiryMs),
  who,
  at: timeOf(atMs),
});

const listed = ({ tally, ...release }: Release & { readonly tally: Tally }) => ({
  ...releaseView(release),
  devices: tally,
});
