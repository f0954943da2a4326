import * as v from "valibot";
import type { Device } from "../database/index.ts";
import { explainMeta, type MetaView } from "../metadata/index.ts";
import { explainDevice } from "../registry/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import { type Asked, look, type Route } from "./route.ts";

const CHANGE_BYTES_MAX = 256 << 10;

/** Operators look at the metadata of devices, and say what they want there. */
export const metadataRoutes: readonly Route[] = [
  look("/devices/:name/meta", (asked) => withDevice(asked, async () => null)),
  {
    method: "PATCH",
    path: "/devices/:name/meta",
    right: "operator",
    bodyBytesMax: CHANGE_BYTES_MAX,
    answer: (asked) => withDevice(asked, (device) => change(asked, device)),
  },
];

const pairs = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value)),
  v.record(v.string(), v.string()),
);
const Change = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    set: v.optional(pairs, {}),
    remove: v.optional(v.array(v.string()), []),
  }),
);

async function change({ metadata, caller, body }: Asked, { id }: Device): Promise<Answer | null> {
  const wanted = v.safeParse(Change, Buffer.from(body).toString());
  if (!wanted.success)
    return refused(400, "body", 'wanted the changes as JSON: {"set":{"key":"value"},"remove":["key"]}');
  const { set, remove } = wanted.output;
  const changed = await metadata.change(id, { set: new Map(Object.entries(set)), remove }, caller.name);
  return changed.ok ? null : refused(400, changed.error.kind, explainMeta(changed.error));
}

/** Shows the metadata as they are then, unless `act` answers otherwise. */
async function withDevice(asked: Asked, act: (device: Device) => Promise<Answer | null>): Promise<Answer> {
  const found = await asked.registry.find(asked.name);
  if (!found.ok)
    return refused(found.error.kind === "unknown" ? 404 : 409, found.error.kind, explainDevice(found.error));
  const { id } = found.value;
  return (await act(found.value)) ?? done({ id, ...metaView(await asked.metadata.view(id)) });
}

/** `taken`: the device has all of `userMeta`. */
export const metaView = ({ user, taken, device }: MetaView) => ({
  userMeta: Object.fromEntries(user),
  taken,
  deviceMeta: Object.fromEntries(device),
});
