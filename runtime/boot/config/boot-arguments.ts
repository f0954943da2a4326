import { parseCommandLine } from "./syntax.ts";
import type { ConfigWarning } from "./warning.ts";

/** What the boot loader tells the runtime; not configuration, and no level can override it (reference section 6). */
export interface BootArguments {
  /** The revision that was booted; null when the loader said nothing. */
  readonly rev: string | null;
  /** The revision on trial; null when there is none. */
  readonly tryRev: string | null;
  /** Mount `dm:` volumes without dm-verity. */
  readonly verityOff: boolean;
}

/** `locals/` and a name, or a name: never a path out of `trails/`. */
const REVISION = /^(?:locals\/)?[A-Za-z0-9_][A-Za-z0-9._+:@-]{0,127}$/;
const REVISION_WANTS =
  'a revision: 1 to 128 of A-Z a-z 0-9 . _ + : @ -, not beginning with . + : @ -, "locals/" before it allowed';

/** The flags of reference 10.2, last line. The last one given wins, as with the kernel's own. */
export function parseBootArguments(commandLine: string): {
  readonly value: BootArguments;
  readonly warnings: readonly ConfigWarning[];
} {
  const warnings: ConfigWarning[] = [];
  const given = new Map(parseCommandLine(commandLine).map(({ key, value }) => [key, value]));
  const revision = (argument: string): string | null => {
    const found = given.get(argument) ?? "";
    if (found === "" || REVISION.test(found)) return found || null;
    warnings.push({ kind: "badArgument", argument, found, wants: REVISION_WANTS });
    return null;
  };
  if (given.has("pv_quickboot")) {
    warnings.push({ kind: "ignoredArgument", argument: "pv_quickboot", why: "objects are checked at every boot" });
  }
  return {
    value: { rev: revision("pv_rev"), tryRev: revision("pv_try"), verityOff: given.has("pv_verityoff") },
    warnings,
  };
}

/** Arguments that begin with `pv_` and are not configuration. */
export const BOOT_ARGUMENTS: ReadonlySet<string> = new Set(["pv_rev", "pv_try", "pv_quickboot", "pv_verityoff"]);
