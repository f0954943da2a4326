import { err, ok, type Result } from "../result.ts";
import { bytesOf, type Format, textOf } from "./format.ts";

const SIZE_BYTES_MAX = 512;

/** `autoboot.txt`: the partition that boots, and the one that boots when the firmware's one-shot flag `tryboot` is set. */
export interface Autoboot {
  readonly normal: number;
  readonly tryboot: number;
  /** The whole text, with what others wrote into it. */
  readonly text: string;
}

type Section = "all" | "none" | "tryboot";
const SECTIONS: readonly Section[] = ["all", "none", "tryboot"];

interface Setting {
  readonly section: Section;
  readonly key: string;
  readonly value: string;
}

function settings(text: string): Result<readonly Setting[], string> {
  const found: Setting[] = [];
  let section: Section = "all";
  for (const [at, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      const named = SECTIONS.find((name) => name === header);
      if (named === undefined) return err(`line ${at + 1}: the firmware knows no section [${header}] here`);
      section = named;
      continue;
    }
    const [key = "", ...value] = line.split("=");
    found.push({ section, key: key.trim(), value: value.join("=").trim() });
  }
  return ok(found);
}

/** A later line overwrites an earlier one, whatever sections they are in. */
function inEffect(found: readonly Setting[], key: string, tryboot: boolean): string | undefined {
  return found.findLast((one) => one.key === key && (one.section === "all" || (tryboot && one.section === "tryboot")))
    ?.value;
}

const partition = (text: string | undefined): number | null =>
  text !== undefined && /^[1-9][0-9]?$/.test(text) ? Number(text) : null;

/**
 * Raspberry Pi's documentation, config_txt/autoboot: at most 512 bytes; sections `[all]`, `[none]`, `[tryboot]`; `boot_partition` counts
 * from 1; with `tryboot_a_b=1` the switch is between partitions and not between `config.txt` and `tryboot.txt`.
 */
export const autoboot: Format<Autoboot> = {
  bytesMax: SIZE_BYTES_MAX,
  missing: null,
  decode: (bytes) => {
    const text = textOf(bytes);
    const found = settings(text);
    if (!found.ok) return found;
    if (inEffect(found.value, "tryboot_a_b", true) !== "1") return err("tryboot_a_b is not 1");
    const normal = partition(inEffect(found.value, "boot_partition", false));
    const tryboot = partition(inEffect(found.value, "boot_partition", true));
    if (normal === null || tryboot === null) return err("boot_partition is no number of a partition");
    return normal === tryboot ? err("[tryboot] names the same boot_partition") : ok({ normal, tryboot, text });
  },
  encode: ({ text }) => {
    const bytes = bytesOf(text);
    if (bytes.byteLength <= SIZE_BYTES_MAX) return ok(bytes);
    return err({ kind: "tooLarge", bytes: bytes.byteLength, bytesMax: SIZE_BYTES_MAX });
  },
};

/** The other partition boots from now on; everything else in the text stays. */
export function swapped({ normal, tryboot, text }: Autoboot): Autoboot {
  const other = text.replace(/^([ \t]*boot_partition[ \t]*=[ \t]*)(\d+)/gm, (line, key: string, value: string) => {
    if (Number(value) === normal) return `${key}${tryboot}`;
    return Number(value) === tryboot ? `${key}${normal}` : line;
  });
  return { normal: tryboot, tryboot: normal, text: other };
}
