import { group } from "../command.ts";
import { acceptCommand, devicesCommand, revokeCommand, showCommand, tagCommand } from "./devices.ts";
import { logCommand } from "./log.ts";
import { loginCommand } from "./login.ts";
import { fleetOutline } from "./outline.ts";

/** The operator's client of a hub. */
export const fleet = group(fleetOutline.name, {
  ...fleetOutline,
  members: [loginCommand, devicesCommand, showCommand, acceptCommand, revokeCommand, tagCommand, logCommand],
});
