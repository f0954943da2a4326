/** Commands of the authoring tool: `cairn new`, `cairn app add`, `cairn sign`, … What does their work loads when they run. */
import type { Command, CommandGroup } from "../command.ts";
import { key } from "./key.ts";
import { sign } from "./sign.ts";
import { verify } from "./verify.ts";

export const authoring: readonly (Command | CommandGroup)[] = [sign, verify, key];
