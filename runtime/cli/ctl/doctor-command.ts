import { resolve } from "node:path";
import { command, EXIT_USAGE, flag } from "../command.ts";
import { clientOf, common } from "./call.ts";

const STORAGE = "/storage";

export const doctor = command("doctor", {
  summary: "Say what this device is, what runs, what is wrong and what comes next; changes nothing",
  example: "cairn ctl doctor",
  flags: {
    ...common,
    storage: flag.text(`the storage tree, also of a device that does not run; default ${STORAGE}`),
    json: flag.switch("findings as one JSON object"),
  },
  operands: {},
  exits: { 0: "nothing is bad", 1: "something is bad", [EXIT_USAGE]: "wrong arguments" },
  async run(values, out) {
    // Loaded now, as no other command reads the storage itself.
    const { readLoader, visit } = await import("./doctor/index.ts");
    const storage = resolve(values.storage ?? STORAGE);
    return visit({ client: clientOf(values, out), storage, readLoader, json: values.json }, out);
  },
});
