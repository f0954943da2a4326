import { command, flag, operand } from "../command.ts";
import { EXIT } from "./exits.ts";

/** The hub starts it for each patch that it makes: what that takes in memory and time is not the hub's. */
export const patchCommand = command("patch", {
  summary: "Make the patch that gives a file, try it, and say in JSON how many bytes a device would get",
  example: "cairn hub patch web-1.4.squashfs web.patch --base web-1.3.squashfs",
  flags: { base: flag.text("file that the device has; default: none, so the patch has the whole file in it") },
  operands: {
    target: operand.needed("the file that comes of it"),
    out: operand.needed("where the patch goes; what is there is replaced"),
  },
  exits: { [EXIT.done]: "made, and it gives the file", [EXIT.failed]: "not made; stderr says why" },
  async run({ base, target, out: path }, out) {
    const { explainMake, makeParcel } = await import("../../parcel/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const { getPriority, setPriority } = await import("node:os");
    const { resolve } = await import("node:path");
    setPriority(Math.max(getPriority(), BEHIND_OTHERS)); // it takes long, and whoever wants it waits already
    const wish = { base: base === null ? null : resolve(base), target: resolve(target), out: resolve(path) };
    const made = await makeParcel(realDisk, wish);
    if (!made.ok) {
      out.complain(`cairn hub patch: ${explainMake(made.error)}`);
      return EXIT.failed;
    }
    out.print(JSON.stringify(made.value));
    return EXIT.done;
  },
});

const BEHIND_OTHERS = 10;
