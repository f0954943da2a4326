import { group } from "../command.ts";
import { costCommand } from "./cost.ts";
import { acceptCommand, devicesCommand, revokeCommand, showCommand, tagCommand } from "./devices.ts";
import { logCommand } from "./log.ts";
import { loginCommand } from "./login.ts";
import { logsCommand } from "./logs.ts";
import { metaCommand } from "./meta.ts";
import { orderCommand, ordersCommand } from "./order.ts";
import { fleetOutline } from "./outline.ts";
import { discardCommand, releaseCommand, releasesCommand, revisionsCommand } from "./revisions.ts";

/** The operator's client of a hub. */
export const fleet = group(fleetOutline.name, {
  ...fleetOutline,
  members: [
    loginCommand,
    devicesCommand,
    showCommand,
    acceptCommand,
    revokeCommand,
    tagCommand,
    metaCommand,
    revisionsCommand,
    discardCommand,
    costCommand,
    releaseCommand,
    releasesCommand,
    orderCommand,
    ordersCommand,
    logsCommand,
    logCommand,
  ],
});
