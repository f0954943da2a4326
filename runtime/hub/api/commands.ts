import * as v from "valibot";
import { operations } from "../../fleet/terms/index.ts";
import { type CommandFault, explainCommand, stateOf } from "../commands/index.ts";
import type { Device, KeptCommand } from "../database/index.ts";
import type { KeptLogs } from "../logs/index.ts";
import { type Answer, done, refused } from "./answer.ts";
import { timeOf, timeOrNull } from "./device-view.ts";
import { deviceRefused } from "./devices.ts";
import { type Asked, look, type Route } from "./route.ts";

const COMMAND_BYTES_MAX = 4096;

/** Operators order one device to do something, see what it came to, and what lines it brought. */
export const commandRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/devices/:name/commands",
    right: "operator",
    bodyBytesMax: COMMAND_BYTES_MAX,
    answer: (asked) => about(asked, give),
  },
  look("/devices/:name/commands", (asked) => about(asked, list)),
  look("/devices/:name/logs", (asked) => about(asked, logs)),
];

async function about(asked: Asked, act: (asked: Asked, device: Device) => Promise<Answer>): Promise<Answer> {
  const device = await asked.registry.find(asked.name);
  return device.ok ? act(asked, device.value) : deviceRefused(device.error);
}

const Wish = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({
    operation: v.picklist(operations),
    argument: v.optional(v.string(), ""),
    expires: v.optional(v.nullable(v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse))), null),
  }),
);
const WANTED = `wanted {"operation":"…"}, one of ${operations.join(", ")}, and "argument", and "expires" as a time like 2026-12-01T00:00:00Z where that is meant`;

async function give({ commands, caller, body, now }: Asked, device: Device): Promise<Answer> {
  const wish = v.safeParse(Wish, Buffer.from(body).toString());
  if (!wish.success) return refused(400, "body", WANTED);
  const { operation, argument, expires } = wish.output;
  const given = await commands.give(device, { operation, argument, expiryMs: expires }, caller.name);
  return given.ok ? done(commandView(given.value, now()), 201) : commandRefused(given.error);
}

function commandRefused(fault: CommandFault): Answer {
  const status = { argument: 400, expiry: 400, status: 409, full: 429 }[fault.kind];
  return refused(status, fault.kind, explainCommand(fault));
}

/** All, or with `?id=` that one, if there is one. */
async function list({ commands, query, now }: Asked, { id }: Device): Promise<Answer> {
  const wanted = query.get("id");
  const one = wanted === null ? null : await commands.find(id, Number(wanted));
  const found = wanted === null ? await commands.list(id) : one === null ? [] : [one];
  return done({ commands: found.map((command) => commandView(command, now())) });
}

/** All, or with `?command=` those that it brought. */
async function logs({ logs, query }: Asked, { id }: Device): Promise<Answer> {
  const command = query.get("command");
  const batches = (await logs.list(id)).filter((batch) => command === null || String(batch.command) === command);
  return done({ logs: batches.map(logsView) });
}

const commandView = (command: KeptCommand, nowMs: number) => ({
  device: command.device,
  id: command.id,
  operation: command.operation,
  argument: command.argument,
  who: command.who,
  at: timeOf(command.atMs),
  expires: timeOf(command.expiryMs),
  published: timeOrNull(command.publishedMs),
  state: stateOf(command, nowMs),
  answer:
    command.answer === null
      ? null
      : { code: command.answer.code, text: command.answer.text, at: timeOf(command.answer.atMs) },
});

export const logsView = ({ kind, revision, command, text, atMs }: KeptLogs) => ({
  at: timeOf(atMs),
  kind,
  revision,
  command,
  text,
});
