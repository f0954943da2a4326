import * as v from "valibot";
import { printable, table } from "../table.ts";

/** A command to a device as the hub's API shows it. */
export const Commanded = v.looseObject({
  device: v.string(),
  id: v.number(),
  operation: v.string(),
  argument: v.string(),
  who: v.string(),
  at: v.string(),
  expires: v.string(),
  state: v.string(),
  answer: v.nullable(v.object({ code: v.string(), text: v.string(), at: v.string() })),
});
export type Commanded = v.InferOutput<typeof Commanded>;
export const CommandedList = v.object({ commands: v.array(Commanded) });

export const isOver = ({ state }: Commanded): boolean => state === "done" || state === "expired";

export const commandedTable = (commands: readonly Commanded[]): string =>
  table([
    ["ID", "GIVEN", "BY", "WHAT", "STATE"],
    ...commands.map((command) => [
      String(command.id),
      command.at,
      command.who,
      `${command.operation} ${command.argument}`.trimEnd(),
      standing(command),
    ]),
  ]);

export function commandedText(command: Commanded): string {
  const { device, id, operation, argument } = command;
  return printable(`command ${id} to ${device}, ${`${operation} ${argument}`.trimEnd()}: ${standing(command)}`);
}

function standing({ state, answer, expires }: Commanded): string {
  if (answer !== null) return answer.text === "" ? answer.code : `${answer.code}: ${answer.text}`;
  switch (state) {
    case "waiting":
      return `not with the broker yet, until ${expires}`;
    case "sent":
      return `sent, until ${expires}`;
    default:
      return state === "expired" ? "expired without an answer" : state;
  }
}
