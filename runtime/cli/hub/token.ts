import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { EXIT, exits } from "./exits.ts";

const PURPOSES = ["join", "operator"] as const;
const HOLDER = /^[\x21-\x7e]{1,64}$/;

export const tokenCommand = command("token", {
  summary: "Make another token while the hub is stopped, and print it this once; or take back those of a holder",
  example: "cairn hub token operator --holder jane",
  flags: {
    folder: flag.text("of the hub; default the current one"),
    holder: flag.text("whose it is, for the audit log: 1 to 64 letters without spaces; default the purpose"),
    remove: flag.switch("take back every token of --holder for the purpose"),
  },
  operands: { purpose: operand.needed("join, for images of devices, or operator, for people") },
  exits,
  async run({ folder, holder, purpose, remove }, out) {
    const wanted = PURPOSES.find((one) => one === purpose);
    const name = holder ?? purpose;
    if (wanted === undefined || !HOLDER.test(name)) {
      const wrong =
        wanted === undefined ? `"${purpose}" is neither join nor operator` : "--holder wants 1 to 64 letters";
      out.complain(`cairn hub token: ${wrong}`);
      return EXIT_USAGE;
    }
    const { addHubToken, explainHub, removeHubTokens } = await import("../../hub/index.ts");
    const act = remove ? removeHubTokens : addHubToken;
    const done = await act(folder ?? ".", wanted, name, Date.now());
    const why = !done.ok ? explainHub(done.error) : done.value === 0 ? `${name} has none for ${wanted}` : null;
    if (!done.ok || why !== null) {
      out.complain(`cairn hub token: ${why}`);
      return EXIT.failed;
    }
    out.print(remove ? `taken back: ${done.value}` : String(done.value));
    return EXIT.done;
  },
});
