import { limits } from "../../state/index.ts";
import { type Command, type CommandGroup, command, EXIT_USAGE, group, type Out, operand } from "../command.ts";
import { readText } from "../text.ts";
import { answerTo, clientOf, common, list, see, showing } from "./call.ts";
import { stepPath } from "./client.ts";
import { EXIT, exits, uploadExits } from "./exits.ts";
import { COMMIT_MESSAGE_BYTES_MAX, install, isLocalName, messageFlag } from "./install/index.ts";
import { progressText } from "./progress.ts";
import { stepsTable } from "./steps-table.ts";
import { plain, type Show } from "./tables.ts";

const revision = operand.needed('a revision of the list, or "current"');
const localName = operand.needed("locals/<name>");

/** Names are checked by the device; what would change the path itself is not even sent. */
function badRevision(rev: string, out: Out): boolean {
  const bad = rev.split("/").some((part) => part === "" || part === "." || part === "..");
  if (bad) out.complain(`"${rev}" is no name of a revision`);
  return bad;
}

const look = (name: string, summary: string, below: "" | "/progress", show: Show): Command =>
  command(name, {
    summary,
    example: `cairn ctl steps ${name} locals/web-1`,
    flags: showing,
    operands: { revision },
    exits,
    run: async (values, out) =>
      badRevision(values.revision, out)
        ? EXIT_USAGE
        : see(values, { method: "GET", path: `${stepPath(values.revision)}${below}` }, show, out),
  });

const put = command("put", {
  summary: "Store a state as a local revision; its objects come first, and nothing is run",
  example: 'cairn ctl steps put state.json locals/web-1 -m "web 1.4"',
  flags: { ...common, message: messageFlag },
  operands: { file: operand.needed("the state JSON; - is stdin"), name: localName },
  exits: uploadExits,
  async run(values, out) {
    if (!isLocalName(values.name)) {
      out.complain(`"${values.name}" is no name for it: locals/ and 1 to 64 of A-Z a-z 0-9 . _ + : @ -`);
      return EXIT_USAGE;
    }
    if (Buffer.byteLength(values.message ?? "") > COMMIT_MESSAGE_BYTES_MAX) {
      out.complain(`a message has at most ${COMMIT_MESSAGE_BYTES_MAX} bytes`);
      return EXIT_USAGE;
    }
    const state = await stateIn(values.file, out);
    if (state === null) return EXIT.other;
    const client = clientOf(values, out);
    const calls = [{ method: "PUT", path: stepPath(values.name), body: state } as const];
    if (values.message !== null) {
      calls.push({ method: "PUT", path: `${stepPath(values.name)}/commitmsg`, body: values.message });
    }
    for (const call of calls) {
      const answer = await answerTo(client, call, out);
      if ("exit" in answer) return answer.exit;
    }
    return EXIT.done;
  },
});

async function stateIn(path: string, out: Out): Promise<string | null> {
  try {
    const state = await readText(path, limits.stateBytesMax);
    if (state === null) out.complain(`${path}: a state has at most ${limits.stateBytesMax} bytes of UTF-8`);
    return state;
  } catch (error) {
    out.complain(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

const installStep = command("install", {
  summary: "Bring an export to this device as a local revision; nothing is run",
  example: "cairn ctl steps install web-1.4.tgz locals/web-1",
  flags: { ...common, message: messageFlag },
  operands: { export: operand.needed("archive that pvr export made"), name: localName },
  exits: uploadExits,
  run: ({ export: path, name, message, socket, verbose }, out) =>
    install({ path, name, message, run: "no", waitMs: null, json: false, socket, verbose }, out),
});

export const steps: CommandGroup = group("steps", {
  summary: "List, look at and store revisions",
  example: "cairn ctl steps ls",
  members: [
    list("ls", "List every revision, and why those failed that did", "cairn ctl steps ls", "/steps", stepsTable),
    look("get", "Print the state of a revision", "", plain),
    look("show-progress", "Say how a revision is getting on, or how it ended and why", "/progress", progressText),
    put,
    installStep,
  ],
});
