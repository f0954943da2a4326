import { answered, json, ok } from "./answer.ts";
import { get, type Route } from "./route.ts";

/** The object store (reference 8.5). Sizes are texts there. */
export const objectRoutes: readonly Route[] = [
  get("/objects", async ({ device }) =>
    answered(await device.objects.list(), (objects) =>
      json(JSON.stringify(objects.map(({ digest, sizeBytes }) => ({ sha256: digest, size: String(sizeBytes) })))),
    ),
  ),
  {
    ...get("/objects/{}", async ({ device, names: [digest = ""] }) =>
      answered(await device.objects.open(digest), (body) => ({
        status: 200,
        contentType: "application/octet-stream",
        body,
      })),
    ),
    transfer: true,
  },
  {
    method: "PUT",
    path: "/objects/{}",
    transfer: true,
    body: "stream",
    handle: async ({ device, names: [digest = ""] }, sizeBytes, chunks) =>
      answered(await device.objects.put(digest, sizeBytes, chunks), () => ok),
  },
];
