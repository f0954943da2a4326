import { type Command, type CommandGroup, command, EXIT_USAGE, group, operand } from "../command.ts";
import { common, order, tell } from "./call.ts";
import { exits } from "./exits.ts";

const send = (op: string, payload: string) =>
  ({ method: "POST", path: "/commands", body: JSON.stringify({ op, payload }) }) as const;

const plainCommand = (name: string, op: string, summary: string): Command =>
  command(name, {
    summary,
    example: `cairn ctl cmd ${name}`,
    flags: common,
    operands: {},
    exits,
    run: (values, out) => tell(values, send(op, ""), out),
  });

const power = (name: "poweroff" | "reboot", op: string, summary: string): Command =>
  order(name, {
    summary,
    example: `cairn ctl cmd ${name} "new battery"`,
    operand: ["message", operand.optional("why, for the device's log")],
    call: (message) => send(op, message ?? ""),
  });

const run = (name: "run" | "run-commit", op: string, summary: string): Command =>
  order(name, {
    summary,
    example: `cairn ctl cmd ${name} locals/web-1`,
    operand: ["revision", operand.needed("a revision that is on the device, see: cairn ctl steps ls")],
    call: (rev) => send(op, rev),
  });

const DEFER_SECONDS = "600";

const defer = command("defer-reboot", {
  summary: "Hold a reboot back while a debug shell is open",
  example: "cairn ctl cmd defer-reboot 900",
  flags: common,
  operands: { seconds: operand.optional(`for how long, default ${DEFER_SECONDS}`) },
  exits,
  async run(values, out) {
    const seconds = values.seconds ?? DEFER_SECONDS;
    if (/^\d{1,7}$/.test(seconds)) return tell(values, send("DEFER_REBOOT", seconds), out);
    out.complain(`"${seconds}" is no number of seconds`);
    return EXIT_USAGE;
  },
});

/** Operations of reference 8.6. */
export const deviceCommands: CommandGroup = group("cmd", {
  aliases: ["commands"],
  summary: "Run a revision, reboot, power off, and other single orders to the device",
  example: "cairn ctl cmd reboot",
  members: [
    run(
      "run",
      "LOCAL_RUN",
      "Run a revision, without a reboot where none is needed, and keep it if it reaches its goals",
    ),
    run("run-commit", "LOCAL_RUN_COMMIT", "Reboot into a revision and keep it if it reaches its goals"),
    power("poweroff", "POWEROFF_DEVICE", "Stop everything in order and switch off"),
    power("reboot", "REBOOT_DEVICE", "Stop everything in order and boot again"),
    plainCommand("run-gc", "RUN_GC", "Remove revisions and objects that are not kept, in the background"),
    order("make-factory", {
      summary: "Make a revision the factory revision, and run it; only while the device is not claimed",
      example: "cairn ctl cmd make-factory",
      operand: ["revision", operand.optional("default: the one that runs")],
      call: (rev) => send("MAKE_FACTORY", rev ?? ""),
    }),
    plainCommand("enable-ssh", "ENABLE_SSH", "Switch the debug SSH server on until the next boot"),
    plainCommand("disable-ssh", "DISABLE_SSH", "Switch the debug SSH server off until the next boot"),
    plainCommand("go-remote", "GO_REMOTE", "Listen to the hub again after a local revision"),
    plainCommand("unclaim", "UNCLAIM", "Forget the hub's credentials, so that the device can be claimed again"),
    defer,
  ],
});

const signal = (type: "ready" | "alive", summary: string): Command =>
  command(type, {
    summary,
    example: `cairn ctl signal ${type}`,
    flags: common,
    operands: {},
    exits,
    run: (values, out) =>
      tell(values, { method: "POST", path: "/signal", body: JSON.stringify({ type, payload: "" }) }, out),
  });

export const signals: CommandGroup = group("signal", {
  summary: "Tell the runtime something about this container",
  example: "cairn ctl signal ready",
  members: [
    signal("ready", "Say that this container is ready, if that is its goal; works only inside it"),
    signal("alive", "Say that this container is alive; the runtime has no use for that yet and refuses"),
  ],
});
