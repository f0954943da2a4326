/** `cairn ctl install`: a revision from outside, onto the device, and maybe to its verdict. */

import * as v from "valibot";
import { openPackage } from "../../../package/index.ts";
import { command, EXIT_USAGE, flag, type Out, operand } from "../../command.ts";
import { sizeText } from "../../size.ts";
import { answerTo, clientOf, common } from "../call.ts";
import { EXIT, uploadExits } from "../exits.ts";
import { deliver } from "./deliver.ts";
import { follow, progressOf } from "./follow.ts";
import { isLocalName, nameFor } from "./name.ts";

export { isLocalName } from "./name.ts";

/** Longer than the slowest board takes for two boots and the wait for stable goals between them. */
const WAIT_SECONDS = "1800";
export const COMMIT_MESSAGE_BYTES_MAX = 256; // reference 8.4
export const messageFlag = flag.text(`note that the list shows, at most ${COMMIT_MESSAGE_BYTES_MAX} bytes`, "m");

export interface Install {
  readonly path: string;
  readonly name: string | null;
  readonly message: string | null;
  readonly run: "no" | "LOCAL_RUN" | "LOCAL_RUN_COMMIT";
  /** Null: not at all. */
  readonly waitMs: number | null;
  readonly json: boolean;
  readonly socket: string | null;
  readonly verbose: boolean;
}

const Refusal = v.pipe(v.string(), v.parseJson(), v.object({ Error: v.string() }));

/** What a device says when it refuses is JSON (reference 8.1); here a person reads it. */
const inWords = (text: string): string => {
  const refusal = v.safeParse(Refusal, text);
  return refusal.success ? refusal.output.Error : text;
};

/** Does it; ends with the exit code. */
export async function install(wish: Install, given: Out): Promise<number> {
  const out: Out = { ...given, complain: (text) => given.complain(inWords(text)) };
  if (wish.name !== null && !isLocalName(wish.name)) {
    out.complain(`"${wish.name}" is no name for it: locals/ and 1 to 64 of A-Z a-z 0-9 . _ + : @ -`);
    return EXIT_USAGE;
  }
  if (Buffer.byteLength(wish.message ?? "") > COMMIT_MESSAGE_BYTES_MAX) {
    out.complain(`a message has at most ${COMMIT_MESSAGE_BYTES_MAX} bytes`);
    return EXIT_USAGE;
  }
  const opened = await openPackage(wish.path);
  if (!opened.ok) {
    out.complain(`${opened.error}; nothing was sent`);
    return EXIT.other;
  }
  const parcel = opened.value;
  const name = wish.name ?? nameFor(wish.path, parcel.state);
  const client = clientOf(wish, out);
  const quiet: Out = wish.json ? { ...out, print: () => {}, progress: null } : out;
  const delivered = await deliver(client, parcel, name, wish.message, quiet);
  await parcel.close();
  if ("exit" in delivered) return delivered.exit;
  const { objectsSent, bytesSent, objectsKept, reused } = delivered;
  out.print(
    wish.json
      ? JSON.stringify({ revision: name, objectsSent, bytesSent, objectsKept, reused })
      : `${name}: ${reused ? "was there already" : "installed"}; ${objectsSent} objects sent (${sizeText(bytesSent)}), ${objectsKept} were there`,
  );
  if (wish.run === "no") return EXIT.done;
  const before = await progressOf(client, name);
  const body = JSON.stringify({ op: wish.run, payload: name });
  const accepted = await answerTo(client, { method: "POST", path: "/commands", body }, out);
  if ("exit" in accepted) return accepted.exit;
  return wish.waitMs === null ? EXIT.done : follow({ client, name, before, waitMs: wish.waitMs, json: wish.json }, out);
}

export const installCommand = command("install", {
  summary: "Bring a pvr export or repository to this device as a local revision, and run it",
  example: 'cairn ctl install web-1.4.tgz --run -m "web 1.4"',
  flags: {
    ...common,
    run: flag.switch("run it, without a reboot where none is needed"),
    try: flag.switch("reboot into it, and keep it if it reaches its goals"),
    name: flag.text("locals/<name>; default: from the file's name and the state's digest"),
    message: messageFlag,
    "no-wait": flag.switch("do not wait for the verdict"),
    wait: flag.text(`seconds to wait for the verdict, default ${WAIT_SECONDS}`),
    json: flag.switch("one JSON object a line: what was sent, then each progress record"),
  },
  operands: {
    export: operand.needed(
      "archive that pvr export made, folder with .pvr in it (its committed state), or an unpacked export",
    ),
  },
  exits: {
    ...uploadExits,
    [EXIT.failed]: "it failed, and the device went back: the evidence is on stdout",
    [EXIT.busy]: "the device is busy, or no verdict came in time",
    [EXIT.other]: "a bad package, refused, or no answer",
  },
  async run(values, out) {
    const wait = values.wait ?? WAIT_SECONDS;
    if (values.run && values.try) {
      out.complain("--run and --try are two ways to run it: give one");
      return EXIT_USAGE;
    }
    if (!/^\d{1,6}$/.test(wait)) {
      out.complain(`"${wait}" is no number of seconds`);
      return EXIT_USAGE;
    }
    const { export: path, name, message, json, socket, verbose } = values;
    const run = values.try ? "LOCAL_RUN_COMMIT" : values.run ? "LOCAL_RUN" : "no";
    const waitMs = values["no-wait"] ? null : Number(wait) * 1000;
    return install({ path, name, message, run, waitMs, json, socket, verbose }, out);
  },
});
