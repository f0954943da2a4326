import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { call } from "./call.ts";
import { exits } from "./exits.ts";

interface Change {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export const metaCommand = command("meta", {
  summary: "Show the metadata of a device, or set and remove keys of its user-meta",
  example: "cairn fleet meta mtztsj7ktdtb3 set web.colour=green",
  flags: { json: flag.switch("both kinds as one JSON object") },
  operands: {
    device: operand.needed("id of the device"),
    changes: operand.many("set KEY=VALUE…, or rm KEY…; a key <container>.<name> is seen by that container, too"),
  },
  exits,
  async run({ device, changes, json }, out) {
    const change = changeIn(changes);
    if (change === null) {
      out.complain("cairn fleet meta: wanted set KEY=VALUE…, or rm KEY…");
      return EXIT_USAGE;
    }
    const { Meta, metaText } = await import("./meta-text.ts");
    const path = `/devices/${encodeURIComponent(device)}/meta`;
    const question =
      changes.length === 0 ? ({ method: "GET", path } as const) : ({ method: "PATCH", path, body: change } as const);
    return call(question, Meta, out, (found) => out.print(json ? JSON.stringify(found) : metaText(found)));
  },
});

/** Null: neither of the two. */
export function changeIn([verb, ...words]: readonly string[]): Change | null {
  if (verb === undefined) return { set: {}, remove: [] };
  if (words.length === 0) return null;
  if (verb === "rm") return { set: {}, remove: words };
  const pairs = words.map((word) => /^([^=]+)=(.*)$/s.exec(word));
  if (verb !== "set" || pairs.includes(null)) return null;
  return { set: Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""])), remove: [] };
}
