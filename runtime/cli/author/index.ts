/** Commands of the authoring tool: `cairn new`, `cairn app add`, `cairn sign`, … What does their work loads when they run. */
import type { Command, CommandGroup } from "../command.ts";
import { addCommand } from "./add.ts";
import { appCommand } from "./app.ts";
import { checkoutCommand, resetCommand } from "./checkout.ts";
import { commitCommand } from "./commit.ts";
import { diffCommand } from "./diff.ts";
import { explainCommand } from "./explain.ts";
import { key } from "./key.ts";
import { logCommand } from "./log.ts";
import { newCommand } from "./new.ts";
import { packCommand } from "./pack.ts";
import { sign } from "./sign.ts";
import { statusCommand } from "./status.ts";
import { verify } from "./verify.ts";

export const authoring: readonly (Command | CommandGroup)[] = [
  newCommand,
  addCommand,
  statusCommand,
  diffCommand,
  commitCommand,
  logCommand,
  checkoutCommand,
  resetCommand,
  appCommand,
  packCommand,
  explainCommand,
  sign,
  verify,
  key,
];
