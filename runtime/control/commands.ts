import * as v from "valibot";
import { answered, json, nothingToDo, ok, parse, refusal, short } from "./answer.ts";
import type { ControlResponse } from "./message.ts";
import { operations } from "./ports.ts";
import { act, type Call, type Route, withText } from "./route.ts";

/** Reference 8.6. */
const COMMAND_BYTES_MAX = 4096;

const Command = v.object({ op: v.string(), payload: v.string() });

async function command({ device }: Call, body: string): Promise<ControlResponse> {
  const sent = parse(Command, body);
  if (sent === null) return refusal(400, "Command has bad format");
  const operation = operations.find((known) => known === sent.op);
  if (operation === undefined) return refusal(400, `Command ${short(sent.op)} is unknown`);
  const answer = await device.commands.command(operation, sent.payload);
  switch (answer.kind) {
    case "accepted":
      return ok;
    case "nothingToDo":
      return nothingToDo;
    case "busy":
      return refusal(503, answer.why, answer.retryAfterSeconds);
    case "refused":
      return refusal(answer.status, answer.why, answer.retryAfterSeconds);
  }
}

/** Commands (reference 8.6) and the garbage collection that is waited for (8.9). */
export const commandRoutes: readonly Route[] = [
  withText("POST", "/commands", COMMAND_BYTES_MAX, command),
  act("POST", "/storage/gc", async ({ device }) =>
    answered(await device.storage.collectGarbage(), (reclaimed) => json(JSON.stringify({ reclaimed }))),
  ),
];
