import type { Repository } from "../../author/repository/index.ts";
import { type Command, command, EXIT_USAGE, flag, type Out, operand } from "../command.ts";
import { sizeText } from "../size.ts";
import { printable } from "../table.ts";
import { EXIT, exits, refuse } from "./exits.ts";
import { objectProgress } from "./take.ts";

const WAIT_SECONDS = "1800";
const EXIT_NO_ANSWER = 255;

const HUB = "https://HOST:PORT of a hub, or hub for that of the last login (cairn fleet login); ";
const TO =
  "a repository or unpacked export, which takes it in place of its state; a folder that is empty or not there, which becomes an unpacked export; " +
  'an archive to write; device:/path/to/pv-ctrl, or device: where its socket is found. "#web" behind a folder or an archive sends parts';

interface Sending {
  readonly to: string | null;
  readonly message: string | null;
  readonly name: string | null;
  readonly run: boolean;
  readonly try: boolean;
  readonly "no-wait": boolean;
  readonly wait: string | null;
  readonly json: boolean;
}

const sending = (name: "post" | "put", summary: string, example: string): Command =>
  command(name, {
    summary,
    example,
    flags: {
      message: flag.text("note that goes with it", "m"),
      name: flag.text("on a device: locals/<name>; default: from this folder's name and the state"),
      run: flag.switch("on a device: run it, without a reboot where none is needed"),
      try: flag.switch("on a device: reboot into it, and keep it if it reaches its goals"),
      "no-wait": flag.switch("on a device: do not wait for the verdict"),
      wait: flag.text(`on a device: seconds to wait for the verdict, default ${WAIT_SECONDS}`),
      json: flag.switch("one JSON object a line"),
    },
    operands: { to: operand.optional(`${name === "post" ? HUB : ""}${TO}; default: where the last ${name} went`) },
    exits: {
      ...exits,
      48: "the device has no space",
      70: "the device refuses the state",
      75: "no verdict yet",
      [EXIT_NO_ANSWER]: "no answer",
    },
    run: (values, out) => send(name, values, out),
  });

async function send(name: "post" | "put", values: Sending, out: Out): Promise<number> {
  const { absolute, destinationOf, explainReference, put } = await import("../../author/reference/index.ts");
  const { openRepository, remember } = await import("../../author/repository/index.ts");
  const { realDisk } = await import("../../store/index.ts");
  const key = name === "post" ? "DefaultPostUrl" : "DefaultPutUrl";
  const repository = await openRepository(realDisk, ".");
  if (!repository.ok) return refuse(out, explainReference(repository.error));
  const to = values.to ?? repository.value.config[key];
  if (to === "") return refuse(out, explainReference({ kind: "noReference", command: name }));
  const destination = destinationOf(to);
  if (!destination.ok) return refuse(out, explainReference(destination.error));
  if (destination.value.kind === "device") {
    const exit = await toDevice(destination.value.socket, values, out);
    if (exit !== EXIT.done) return exit;
  } else {
    const alien = (["name", "run", "try", "no-wait", "wait"] as const).find(
      (flag) => values[flag] !== null && values[flag] !== false,
    );
    if (alien !== undefined) {
      out.complain(`--${alien} is for a device, and ${to} is none: device:/path/to/pv-ctrl would be`);
      return EXIT_USAGE;
    }
    if (destination.value.kind === "hub") {
      if (name === "put") return refuse(out, `${to}: a hub keeps every revision, "cairn post" sends it one`);
      const exit = await toHub(repository.value, destination.value.address, values, out);
      if (exit !== EXIT.done) return exit;
      const kept = await remember(repository.value, key, to);
      return kept.ok ? EXIT.done : refuse(out, explainReference(kept.error));
    }
    const { message, json } = values;
    const progress = objectProgress(out, "stored", json);
    const sent = await put(repository.value, destination.value, { message, now: new Date(), progress });
    if (!sent.ok) return refuse(out, `${explainReference(sent.error)}\nnothing was sent`);
    const { state, objects } = sent.value;
    out.print(json ? JSON.stringify({ to, state, objects }) : `${to} has state ${state}; ${objects} objects sent`);
  }
  const remembered = await remember(repository.value, key, absolute(to));
  return remembered.ok ? EXIT.done : refuse(out, explainReference(remembered.error));
}

async function toHub(
  own: Repository,
  address: string | null,
  { message, json }: Pick<Sending, "message" | "json">,
  out: Out,
): Promise<number> {
  const { explainReference, postTo } = await import("../../author/reference/index.ts");
  const { accountFor, hubPort } = await import("../fleet/post-port.ts");
  const account = await accountFor(address, process.env);
  if (!account.ok) {
    out.complain(account.error);
    return EXIT_USAGE;
  }
  const progress = objectProgress(out, "sent", json);
  const posted = await postTo(own, hubPort(account.value), { message, progress });
  if (!posted.ok) {
    const again = "what was sent stays there: the same command goes on with the rest";
    out.complain(`${explainReference(posted.error)}\n${again}`);
    return posted.error.kind === "hub" && !posted.error.answered ? EXIT_NO_ANSWER : EXIT.refused;
  }
  const { revision, objects, bytes, warnings } = posted.value;
  const { address: hub } = account.value;
  for (const warning of warnings) out.complain(`warning: ${printable(warning)}`);
  if (json) out.print(JSON.stringify({ to: hub, revision, objects, bytes, warnings }));
  else {
    out.print(`${hub} has revision ${revision}; ${objects} objects sent, ${sizeText(bytes)}`);
    out.print(`"cairn fleet release ${revision.slice(0, SHORT)} --tag TAG" has devices run it`);
  }
  return EXIT.done;
}

/** Digits that tell a revision from others, for people. */
const SHORT = 12;

/** As `cairn ctl install` does it. */
async function toDevice(socket: string | null, values: Sending, out: Out): Promise<number> {
  const { install } = await import("../ctl/install/index.ts");
  const wait = values.wait ?? WAIT_SECONDS;
  if ((values.run && values.try) || !/^\d{1,6}$/.test(wait)) {
    out.complain(
      values.run && values.try
        ? "--run and --try are two ways to run it: give one"
        : `"${wait}" is no number of seconds`,
    );
    return EXIT_USAGE;
  }
  const { name, message, json } = values;
  const run = values.try ? "LOCAL_RUN_COMMIT" : values.run ? "LOCAL_RUN" : "no";
  const waitMs = values["no-wait"] ? null : Number(wait) * 1000;
  return install({ path: process.cwd(), name, message, run, waitMs, json, socket, verbose: false }, out);
}

export const postCommand = sending(
  "post",
  "Send what is committed here to a hub, a device, a folder or an archive",
  'cairn post device:/run/pantavisor/pv/pv-ctrl --name locals/web-1.4 --run -m "web 1.4"',
);

export const putCommand = sending(
  "put",
  "Put what is committed here in place of the state of a folder or an archive",
  "cairn put ../release",
);
