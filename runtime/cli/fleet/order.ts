import { command, EXIT_USAGE, flag, type Out, operand } from "../command.ts";
import { call } from "./call.ts";
import type { Commanded } from "./commanded.ts";
import { EXIT, exits } from "./exits.ts";
import { endOf } from "./revisions.ts";

/** Words of the command line, and of the hub's API. */
const operations = new Map([
  ["reboot", "reboot"],
  ["restart", "restartContainer"],
  ["gc", "gc"],
  ["debug", "debugAccess"],
]);

export const ORDER_EXIT = { failed: 4, expired: 5 } as const;
export const orderExits: Readonly<Record<number, string>> = {
  ...exits,
  [ORDER_EXIT.failed]: "the device did not do it; stderr says why",
  [ORDER_EXIT.expired]: "the device did not answer in time",
};

const device = operand.needed("id of the device");
export const expires = flag.text(
  "until when it may be done: a time like 2026-12-01T00:00:00Z, or from now on like 90m, 12h, 7d; an hour unless told",
);
/** Between two looks at what became of a command. */
export const LOOK_MS = 1_000;

export const pathOf = (name: string, rest: string): string => `/devices/${encodeURIComponent(name)}/${rest}`;

export interface Order {
  readonly device: string;
  readonly operation: string;
  readonly argument: string;
  /** As RFC 3339 has it; null: as the hub likes. */
  readonly expires: string | null;
}

/** Has the hub order it; the exit code otherwise. */
export async function give({ device, ...body }: Order, out: Out): Promise<Commanded | number> {
  const { Commanded: Wanted } = await import("./commanded.ts");
  let given: Commanded | null = null;
  const exit = await call({ method: "POST", path: pathOf(device, "commands"), body }, Wanted, out, (command) => {
    given = command;
  });
  return given ?? exit;
}

/** Until the device has answered, or will not any more; the exit code otherwise. */
export async function followed(begun: Commanded, out: Out): Promise<Commanded | number> {
  const { CommandedList, isOver } = await import("./commanded.ts");
  let now = begun;
  while (!isOver(now)) {
    await Bun.sleep(LOOK_MS);
    const path = pathOf(now.device, `commands?id=${now.id}`);
    const exit = await call({ method: "GET", path }, CommandedList, out, ({ commands: [found] }) => {
      now = found ?? now;
    });
    if (exit !== EXIT.done) return exit;
  }
  return now;
}

export const exitOf = ({ state, answer }: Commanded): number =>
  state === "expired" ? ORDER_EXIT.expired : answer === null || answer.code === "done" ? EXIT.done : ORDER_EXIT.failed;

export const orderCommand = command("command", {
  summary: "Order one device to do something: reboot, restart CONTAINER, gc, debug SECONDS; for log lines, see logs",
  example: "cairn fleet command mtztsj7ktdtb3 restart web --wait",
  flags: {
    expires,
    wait: flag.switch("wait until the device has answered, or will not any more"),
    json: flag.switch("the command as one JSON object"),
  },
  operands: {
    device,
    operation: operand.needed([...operations.keys()].join(", ")),
    argument: operand.optional("the name of a container, or a number of seconds"),
  },
  exits: orderExits,
  async run({ device: name, operation: word, argument, expires: until, wait, json }, out) {
    const { commandedText } = await import("./commanded.ts");
    const operation = operations.get(word);
    const end = until === null ? null : endOf(until, Date.now());
    if (operation === undefined || end === "wrong") {
      const why =
        operation === undefined
          ? `"${word}" is none of ${[...operations.keys()].join(", ")}`
          : `--expires "${until}" is no time`;
      out.complain(`cairn fleet command: ${why}`);
      return EXIT_USAGE;
    }
    const given = await give({ device: name, operation, argument: argument ?? "", expires: end }, out);
    const found = typeof given === "number" || !wait ? given : await followed(given, out);
    if (typeof found === "number") return found;
    const exit = exitOf(found);
    if (json) out.print(JSON.stringify(found));
    else if (exit === EXIT.done) out.print(commandedText(found));
    else out.complain(commandedText(found));
    return exit;
  },
});

export const ordersCommand = command("commands", {
  summary: "List what a device was ordered to do, the newest first, and what it came to",
  example: "cairn fleet commands mtztsj7ktdtb3",
  flags: { json: flag.switch("one JSON object a line") },
  operands: { device },
  exits,
  async run({ device: name, json }, out) {
    const { CommandedList, commandedTable } = await import("./commanded.ts");
    return call({ method: "GET", path: pathOf(name, "commands") }, CommandedList, out, ({ commands }) => {
      if (!json) out.print(commandedTable(commands));
      else for (const one of commands) out.print(JSON.stringify(one));
    });
  },
});
