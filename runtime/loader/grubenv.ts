import { err, ok } from "../result.ts";
import { bytesOf, type Format, textOf } from "./format.ts";
import type { Variables } from "./variables.ts";

const SIZE_BYTES = 1024;
const HEADER = "# GRUB Environment Block\n";

/** A line of its own; GRUB takes a backslash for an escape here too, so one in front of the line's end would hide the next line. */
const COMMENT = /#[^\\\n]*\n/y;
/** In a value a backslash takes the next byte as it is, a line's end for one. */
const VARIABLE = /([^#=\\\n][^=\\\n]*)=((?:[^\\\n]|\\[\s\S])*)\n/y;
const PADDING = /#*$/y;

/**
 * GRUB's environment block (`grub_envblk_iterate`, grub-core/lib/envblk.c): exactly 1024 bytes, because GRUB writes into the blocks that
 * the file has and cannot make it longer; a header line, lines `key=value`, `#` up to the end. Comments of others do not survive.
 */
export const grubenv: Format<Variables> = {
  bytesMax: SIZE_BYTES,
  missing: new Map(),
  decode: (bytes) => {
    if (bytes.byteLength !== SIZE_BYTES) return err(`it has ${bytes.byteLength} bytes and not ${SIZE_BYTES}`);
    const text = textOf(bytes);
    if (!text.startsWith(HEADER)) return err(`it does not begin with the line ${JSON.stringify(HEADER.trimEnd())}`);
    if (text.includes("\0")) return err("it contains a NUL byte");
    const variables = new Map<string, string>();
    for (let at = HEADER.length; at < text.length; ) {
      const match = (pattern: RegExp): RegExpExecArray | null => {
        pattern.lastIndex = at;
        return pattern.exec(text);
      };
      if (match(PADDING) !== null) break;
      const found = match(COMMENT) ?? match(VARIABLE);
      if (found === null) return err(`at byte ${at} there is neither a variable nor "#"`);
      const [line, name, value] = found;
      if (name !== undefined && value !== undefined) variables.set(name, value.replace(/\\([\s\S])/g, "$1"));
      at += line.length;
    }
    return ok(variables);
  },
  encode: (variables) => {
    const lines = [...variables].map(([name, value]) => `${name}=${value.replace(/[\\\n]/g, "\\$&")}\n`);
    const text = HEADER + lines.join("");
    if (text.length > SIZE_BYTES) return err({ kind: "tooLarge", bytes: text.length, bytesMax: SIZE_BYTES });
    return ok(bytesOf(text.padEnd(SIZE_BYTES, "#")));
  },
};
