import { command, flag } from "../command.ts";
import { EXIT, exits } from "./exits.ts";

export const rotateOrderKeyCommand = command("rotate-order-key", {
  summary:
    "Make the key that follows the one which signs orders, while the hub is stopped; devices follow when it serves again",
  example: "cairn hub rotate-order-key --folder fleet",
  flags: {
    folder: flag.text("of the hub; default the current one"),
    json: flag.switch("the new key's epoch as one JSON object"),
  },
  operands: {},
  exits,
  async run({ folder, json }, out) {
    const { explainHub, rotateOrderKey } = await import("../../hub/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const { resolve } = await import("node:path");
    const rotated = await rotateOrderKey(realDisk, resolve(folder ?? "."), Date.now());
    if (!rotated.ok) {
      out.complain(`cairn hub rotate-order-key: ${explainHub(rotated.error)}`);
      return EXIT.failed;
    }
    const epoch = rotated.value;
    out.print(json ? JSON.stringify({ epoch }) : `order key of epoch ${epoch} made: start the hub, and devices follow`);
    return EXIT.done;
  },
});
