import { type Answer, refused } from "./answer.ts";
import { rangeOf } from "./range.ts";
import type { Asked, Route } from "./route.ts";

/** Who knows the key of a parcel gets it: block 0 tells it to devices that may. */
export const parcelRoutes: readonly Route[] = [
  { method: "GET", path: "/parcels/:name", right: "anybody", bodyBytesMax: 0, answer: fetchParcel },
];

const KEY = /^[0-9a-f]{32}$/;

async function fetchParcel({ parcels, name, headers }: Asked): Promise<Answer> {
  const parcel = KEY.test(name) ? await parcels.byKey(new Uint8Array(Buffer.from(name, "hex"))) : null;
  if (parcel === null) return refused(404, "parcel", "there is no such parcel");
  const { path, bytes, digest } = parcel;
  const etag = `"${digest}"`;
  const condition = headers.get("if-range");
  const wanted = condition === null || condition === etag ? rangeOf(headers.get("range"), bytes) : null;
  const always = { etag, "accept-ranges": "bytes" };
  if (wanted === "unsatisfiable") {
    return refused(416, "range", `it has ${bytes} bytes`, { ...always, "content-range": `bytes */${bytes}` });
  }
  if (wanted === null) return { status: 200, body: null, headers: always, file: { path, from: 0, bytes } };
  const range = `bytes ${wanted.from}-${wanted.from + wanted.bytes - 1}/${bytes}`;
  return { status: 206, body: null, headers: { ...always, "content-range": range }, file: { path, ...wanted } };
}
