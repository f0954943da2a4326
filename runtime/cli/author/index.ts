/** Commands of the authoring tool: `cairn new`, `cairn app add`, `cairn sign`, … What does their work loads when they run. */
import type { Command, CommandGroup } from "../command.ts";
import { packCommand } from "./pack.ts";

export const authoring: readonly (Command | CommandGroup)[] = [packCommand];
