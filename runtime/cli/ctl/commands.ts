import { type Command, command, EXIT_USAGE, flag, group, type Out, operand } from "../command.ts";
import { ask, explainClientError, findSocket } from "./client.ts";
import { configTable, containersTable, groupsTable, plain, type Show } from "./tables.ts";

/** Exit codes of reference 8.10; "wrong checksum" (60) comes with the command that uploads objects. */
const EXITS: ReadonlyMap<number, number> = new Map([
  [200, 0],
  [422, 70],
  [503, 75],
  [507, 48],
]);
const EXIT_OTHER = 255;

const exits = {
  0: "done",
  [EXIT_USAGE]: "wrong arguments",
  75: "the device is busy: try again",
  [EXIT_OTHER]: "refused, or no answer",
} as const;

const socket = flag.text("control socket to talk to; otherwise the usual places are searched", "s");
const json = flag.switch("print the answer of the control API as it is");

interface Call {
  readonly socket: string | null;
  readonly method: "GET" | "PUT" | "POST";
  readonly path: string;
  readonly body?: object;
  readonly show: Show;
}

/** Asks the device and prints: what it says on stdout, why it refuses on stderr. */
async function call({ socket, method, path, body, show }: Call, out: Out): Promise<number> {
  const found = findSocket(socket);
  const answer = found.ok ? await ask(found.value, method, path, body ?? null) : found;
  if (!answer.ok) {
    out.complain(explainClientError(answer.error));
    return EXIT_OTHER;
  }
  const { status, body: text } = answer.value;
  const exit = EXITS.get(status) ?? EXIT_OTHER;
  if (exit !== 0) {
    out.complain(text === "" ? `the device answered ${status}` : text);
    return exit;
  }
  if (text === "") return exit;
  const shown = show(text);
  if (shown === null) {
    out.complain("the answer is not what this version knows; --json prints it as it is");
    return EXIT_OTHER;
  }
  out.print(shown);
  return exit;
}

const list = (name: string, summary: string, example: string, path: string, show: Show): Command =>
  command(name, {
    aliases: name === "ls" ? ["list"] : [],
    summary,
    example,
    flags: { socket, json },
    operands: {},
    exits,
    run: (values, out) => call({ socket: values.socket, method: "GET", path, show: values.json ? plain : show }, out),
  });

const container = (action: "start" | "stop" | "restart", summary: string): Command =>
  command(action, {
    summary,
    example: `cairn ctl containers ${action} web`,
    flags: { socket },
    operands: { container: operand.needed("name of a container with restart policy container") },
    exits,
    run: (values, out) =>
      call(
        {
          socket: values.socket,
          method: "PUT",
          path: `/containers/${encodeURIComponent(values.container)}`,
          body: { action },
          show: plain,
        },
        out,
      ),
  });

const power = (name: "poweroff" | "reboot", op: string, summary: string): Command =>
  command(name, {
    summary,
    example: `cairn ctl cmd ${name} "new battery"`,
    flags: { socket },
    operands: { message: operand.optional("why, for the device's log") },
    exits,
    run: (values, out) =>
      call(
        {
          socket: values.socket,
          method: "POST",
          path: "/commands",
          body: { op, payload: values.message ?? "" },
          show: plain,
        },
        out,
      ),
  });

const containersSummary = "List the containers of the running revision";

/** The client of the control socket; words as the original's `pvcontrol` has them (reference 8.10). */
export const ctl = group("ctl", {
  summary: "Talk to the device runtime, on the device or in one of its containers",
  example: "cairn ctl containers ls",
  members: [
    list("ls", containersSummary, "cairn ctl ls", "/containers", containersTable),
    group("containers", {
      summary: "List, start, stop and restart containers",
      example: "cairn ctl containers restart web",
      members: [
        list("ls", containersSummary, "cairn ctl containers ls", "/containers", containersTable),
        container("start", "Start a container that is stopped"),
        container("stop", "Stop a container and leave it stopped"),
        container("restart", "Stop a container and start it again"),
      ],
    }),
    group("groups", {
      summary: "List the groups of containers",
      example: "cairn ctl groups ls",
      members: [
        list("ls", "List groups in the order in which they start", "cairn ctl groups ls", "/groups", groupsTable),
      ],
    }),
    group("config", {
      aliases: ["conf"],
      summary: "List the configuration",
      example: "cairn ctl config ls",
      members: [
        list("ls", "List every key with its value and what set it", "cairn ctl config ls", "/config2", configTable),
      ],
    }),
    list("buildinfo", "Say which build the device runs", "cairn ctl buildinfo", "/buildinfo", plain),
    group("signal", {
      summary: "Tell the runtime something about this container",
      example: "cairn ctl signal ready",
      members: [
        command("ready", {
          summary: "Say that this container is ready, if that is its goal; works only inside it",
          example: "cairn ctl signal ready",
          flags: { socket },
          operands: {},
          exits,
          run: (values, out) =>
            call(
              {
                socket: values.socket,
                method: "POST",
                path: "/signal",
                body: { type: "ready", payload: "" },
                show: plain,
              },
              out,
            ),
        }),
      ],
    }),
    group("cmd", {
      aliases: ["commands"],
      summary: "Power the device off or reboot it",
      example: "cairn ctl cmd reboot",
      members: [
        power("poweroff", "POWEROFF_DEVICE", "Stop everything in order and switch off"),
        power("reboot", "REBOOT_DEVICE", "Stop everything in order and boot again"),
      ],
    }),
  ],
});
