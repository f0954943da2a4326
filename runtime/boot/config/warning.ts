import type { Level } from "./level.ts";

/** Something in the configuration that has no effect, or not the wished one. The device goes on without it. */
export type ConfigWarning =
  | {
      readonly kind: "badValue";
      readonly key: string;
      readonly level: Level;
      /** null for a secret. */
      readonly found: string | null;
      readonly wants: string;
    }
  | { readonly kind: "notAllowed"; readonly key: string; readonly level: Level; readonly allowed: readonly Level[] }
  | { readonly kind: "unknownKey"; readonly key: string; readonly level: Level }
  | { readonly kind: "badLine"; readonly level: Level; readonly line: number }
  | { readonly kind: "notYet"; readonly key: string; readonly level: Level }
  | { readonly kind: "badArgument"; readonly argument: string; readonly found: string; readonly wants: string }
  | { readonly kind: "ignoredArgument"; readonly argument: string; readonly why: string };

const QUOTED_CHARACTERS_MAX = 80;
/** Quotes hostile text so that it can neither break nor flood a line of the log. */
const quote = (text: string): string =>
  JSON.stringify(text.length > QUOTED_CHARACTERS_MAX ? `${text.slice(0, QUOTED_CHARACTERS_MAX)}…` : text);

/** One line for the log: where, what was found, what is wanted, what holds instead. */
export function explainConfigWarning(warning: ConfigWarning): string {
  switch (warning.kind) {
    case "badValue":
      return `${warning.key} (${warning.level}): wants ${warning.wants}, has ${
        warning.found === null ? "something else (not shown)" : quote(warning.found)
      }; the value of a lower level stays`;
    case "notAllowed":
      return `${warning.key} (${warning.level}): not allowed at this level and ignored; set it in ${warning.allowed.join(", ")}`;
    case "unknownKey":
      return `${quote(warning.key)} (${warning.level}): no such key, ignored`;
    case "badLine":
      return `${warning.level}, line ${warning.line}: wants KEY=value, ignored`;
    case "notYet":
      return `${warning.key} (${warning.level}): is known, but what it sets is not there yet: it has no effect`;
    case "badArgument":
      return `kernel command line, ${warning.argument}: wants ${warning.wants}, has ${quote(warning.found)}; ignored`;
    case "ignoredArgument":
      return `kernel command line, ${warning.argument}: ignored, ${warning.why}`;
  }
}
