/** What a device has to say, until the hub has it: bounded, and across power cuts. */
export { type KeptOutbox, openOutbox } from "./outbox.ts";
export { type Letter, outboxLimits } from "./queue.ts";
