import { type Command, type CommandGroup, command, group, operand } from "../command.ts";
import { answerTo, clientOf, common, list, order } from "./call.ts";
import { component } from "./client.ts";
import { EXIT, exits } from "./exits.ts";
import { containersTable, daemonsTable, graphTable, groupsTable } from "./tables.ts";

const containersSummary = "List the containers of the running revision";

const container = (action: "start" | "stop" | "restart", summary: string): Command =>
  order(action, {
    summary,
    example: `cairn ctl containers ${action} web`,
    operand: ["container", operand.needed("name of a container with restart policy container")],
    call: (name) => ({ method: "PUT", path: `/containers/${component(name)}`, body: JSON.stringify({ action }) }),
  });

/** The API starts and stops a daemon (reference 8.9); to restart is both. */
const daemon = (name: string, actions: readonly ("start" | "stop")[], summary: string): Command =>
  command(name, {
    summary,
    example: `cairn ctl daemons ${name} pv-xconnect`,
    flags: common,
    operands: { daemon: operand.needed("name, as the list has it") },
    exits,
    async run(values, out) {
      const client = clientOf(values, out);
      for (const action of actions) {
        const path = `/daemons/${component(values.daemon)}`;
        const answer = await answerTo(client, { method: "PUT", path, body: JSON.stringify({ action }) }, out);
        if ("exit" in answer) return answer.exit;
      }
      return EXIT.done;
    },
  });

/** What runs on the device. */
export const running: readonly (Command | CommandGroup)[] = [
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
  group("graph", {
    summary: "List what containers offer each other",
    example: "cairn ctl graph ls",
    members: [
      list("ls", "List each link of a consumer to a provider", "cairn ctl graph ls", "/xconnect-graph", graphTable),
    ],
  }),
  group("daemons", {
    summary: "List, start, stop and restart the runtime's own helpers",
    example: "cairn ctl daemons ls",
    members: [
      list("ls", "List the helpers that the runtime keeps alive", "cairn ctl daemons ls", "/daemons", daemonsTable),
      daemon("start", ["start"], "Start a helper and keep it alive"),
      daemon("stop", ["stop"], "Stop a helper until the next boot"),
      daemon("restart", ["stop", "start"], "Stop a helper and start it again"),
    ],
  }),
];
