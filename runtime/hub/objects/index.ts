/** The objects that revisions are made of, on the hub. A folder is one way to keep them. */
export { openFolder } from "./folder.ts";
export { type HubObjects, OBJECT_BYTES_MAX } from "./objects.ts";
