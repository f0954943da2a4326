/** Where a revision comes from and goes to (reference authoring 1.3): folders, exports, devices, hubs; and what is taken of it. */
export { absolute, type Cloned, type CloneOptions, clone } from "./clone.ts";
export { type Deployed, deploy } from "./deploy.ts";
export { type Exported, exportFile, exportStream } from "./export.ts";
export { explainReference, type HubFault, type TransferError } from "./fault.ts";
export { parseReference, type Reference } from "./parse.ts";
export { type HubPort, type Posted, type PostedRevision, postTo } from "./post.ts";
export { type Destination, destinationOf, type PutOptions, put, type Sent } from "./put.ts";
export { type ObjectProgress, openSource, type Source } from "./source.ts";
export { type How, type Taken, type TakeOptions, take } from "./take.ts";
