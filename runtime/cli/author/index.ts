/** Commands of the authoring tool: `cairn new`, `cairn app add`, `cairn sign`, … What does their work loads when they run. */
import type { Command, CommandGroup } from "../command.ts";
import { addCommand } from "./add.ts";
import { appCommand } from "./app.ts";
import { checkoutCommand, resetCommand } from "./checkout.ts";
import { cloneCommand } from "./clone.ts";
import { commitCommand } from "./commit.ts";
import { deployCommand } from "./deploy.ts";
import { diffCommand } from "./diff.ts";
import { explainCommand } from "./explain.ts";
import { exportCommand } from "./export.ts";
import { key } from "./key.ts";
import { logCommand } from "./log.ts";
import { newCommand } from "./new.ts";
import { packCommand } from "./pack.ts";
import { postCommand, putCommand } from "./send.ts";
import { sign } from "./sign.ts";
import { statusCommand } from "./status.ts";
import { getCommand, importCommand, mergeCommand } from "./take.ts";
import { verify } from "./verify.ts";

export const authoring: readonly (Command | CommandGroup)[] = [
  newCommand,
  cloneCommand,
  addCommand,
  statusCommand,
  diffCommand,
  commitCommand,
  logCommand,
  checkoutCommand,
  resetCommand,
  getCommand,
  mergeCommand,
  postCommand,
  putCommand,
  exportCommand,
  deployCommand,
  importCommand,
  appCommand,
  packCommand,
  explainCommand,
  sign,
  verify,
  key,
];
