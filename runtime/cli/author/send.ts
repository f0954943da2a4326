import { type Command, command, EXIT_USAGE, flag, type Out, operand } from "../command.ts";
import { EXIT, exits, refuse } from "./exits.ts";
import { objectProgress } from "./take.ts";

const WAIT_SECONDS = "1800";

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
    operands: { to: operand.optional(`${TO}; default: where the last ${name} went`) },
    exits: {
      ...exits,
      48: "the device has no space",
      70: "the device refuses the state",
      75: "no verdict yet",
      255: "no answer",
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
  "Send what is committed here to a device, a folder or an archive",
  'cairn post device:/run/pantavisor/pv/pv-ctrl --name locals/web-1.4 --run -m "web 1.4"',
);

export const putCommand = sending(
  "put",
  "Put what is committed here in place of the state of a folder or an archive",
  "cairn put ../release",
);
