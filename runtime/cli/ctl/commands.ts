import { command, group } from "../command.ts";
import { list, see, showing } from "./call.ts";
import { running } from "./containers.ts";
import { deviceCommands, signals } from "./device-commands.ts";
import { doctor } from "./doctor-command.ts";
import { exits } from "./exits.ts";
import { installCommand } from "./install/index.ts";
import { metadataGroups } from "./metadata.ts";
import { objects } from "./objects.ts";
import { ctlOutline } from "./outline.ts";
import { steps } from "./steps.ts";
import { configTable, plain, reclaimedText } from "./tables.ts";

/** The client of the control socket; words and exit codes as the original's `pvcontrol` has them (reference 8.10). */
export const ctl = group(ctlOutline.name, {
  ...ctlOutline,
  members: [
    ...running,
    steps,
    installCommand,
    objects,
    deviceCommands,
    signals,
    ...metadataGroups,
    group("config", {
      aliases: ["conf"],
      summary: "List the configuration",
      example: "cairn ctl config ls",
      members: [
        list("ls", "List every key with its value and what set it", "cairn ctl config ls", "/config2", configTable),
      ],
    }),
    group("storage", {
      summary: "Free space",
      example: "cairn ctl storage gc",
      members: [
        command("gc", {
          summary: "Remove revisions and objects that are not kept, and say how much that freed",
          example: "cairn ctl storage gc",
          flags: showing,
          operands: {},
          exits,
          run: (values, out) => see(values, { method: "POST", path: "/storage/gc" }, reclaimedText, out),
        }),
      ],
    }),
    list("buildinfo", "Say which build the device runs", "cairn ctl buildinfo", "/buildinfo", plain),
    doctor,
  ],
});
