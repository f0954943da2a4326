import { limits } from "../state/index.ts";
import { answered, json, ok, text } from "./answer.ts";
import type { StepView } from "./ports.ts";
import { type Call, get, type Route, withText } from "./route.ts";

/** Reference 8.4. */
const COMMIT_MESSAGE_BYTES_MAX = 256;

/** Without fractions of a second, as the original prints it. */
const dateText = (ms: number | null): string => (ms === null ? "" : new Date(ms).toISOString().replace(/\.\d+Z$/, "Z"));

/** The progress record is JSON already and is put in as it is. */
const stepMembers = ({ name, storedAtMs, commitMessage, progress }: StepView): string =>
  `{"name":${JSON.stringify(name)},"date":"${dateText(storedAtMs)}",` +
  `"commitmsg":${JSON.stringify(commitMessage)},"progress":${progress ?? "{}"}}`;

const hub = ({ names: [rev = ""] }: Call): string => rev;
const local = ({ names: [name = ""] }: Call): string => `locals/${name}`;

/** What there is for any revision below `path`. */
const ofRevision = (path: string, revision: (call: Call) => string): readonly Route[] => [
  get(path, async (call) => answered(await call.device.steps.state(revision(call)), json)),
  get(`${path}/progress`, async (call) => answered(await call.device.steps.progress(revision(call)), json)),
  get(`${path}/commitmsg`, async (call) => answered(await call.device.steps.commitMessage(revision(call)), text)),
  withText("PUT", `${path}/commitmsg`, COMMIT_MESSAGE_BYTES_MAX, async (call, body) =>
    answered(await call.device.steps.setCommitMessage(revision(call), body), () => ok),
  ),
];

/** Revisions (reference 8.4). Local ones first: `locals` alone is no revision, so `/steps/locals/progress` is one of that name. */
export const stepRoutes: readonly Route[] = [
  get("/steps", async ({ device }) =>
    answered(await device.steps.list(), (steps) => json(`[${steps.map(stepMembers).join(",")}]`)),
  ),
  ...ofRevision("/steps/locals/{}", local),
  {
    method: "PUT",
    path: "/steps/locals/{}",
    body: "whole",
    bodyBytesMax: limits.stateBytesMax,
    handle: async (call, body) => answered(await call.device.steps.put(local(call), body), () => ok),
  },
  ...ofRevision("/steps/{}", hub),
];
