import { LEVELS } from "./settings.ts";

/** One line of a log, before it has a form. */
export interface LogLine {
  /** Name of a container, or `pantavisor` for the runtime itself: tools know it by that name. */
  readonly platform: string;
  readonly source: string;
  /** Index of {@link LEVELS}. */
  readonly level: number;
  /** Seconds, see `PV_LOG_TIMESTAMP`. */
  readonly timeSec: number;
  /** Free of control characters, see {@link safeLines}. */
  readonly text: string;
}

/** Longest line and longest message that are kept; what is longer ends with `…`. */
const LINE_CHARS_MAX = 4096;
const LINES_MAX = 64;

/** C0 and C1 control characters, DEL, the separators that some viewers break lines at, and those that reorder text on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const UNSAFE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (char: string): string => {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

/** Splits a message at its line ends and makes each line safe to show: a terminal cannot be driven and a line cannot be forged.
 *  Empty lines are left out. Tabs stay. */
export function safeLines(message: string): readonly string[] {
  const lines: string[] = [];
  for (const line of message.slice(0, LINES_MAX * LINE_CHARS_MAX).split(/\r?\n/)) {
    if (line === "") continue;
    if (lines.length === LINES_MAX) return [...lines.slice(0, -1), "…"];
    const short = line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX - 1)}…` : line;
    lines.push(short.replace(UNSAFE, escaped));
  }
  return lines;
}

/** The form of the runtime's own log and of the console, reference 11.2. */
export const asText = ({ platform, source, level, timeSec, text }: LogLine): string =>
  `[${platform}] ${Math.floor(timeSec)} ${LEVELS[level]}\t -- [${source}]: ${text}\n`;

/** The form of `pv.log`, with the keys that the original writes (reference 4.7); `tnano` is always 0 there too. */
export const asJson = ({ platform, source, level, timeSec, text }: LogLine): string =>
  `${JSON.stringify({ tsec: Math.floor(timeSec), tnano: 0, platform, lvl: LEVELS[level], src: source, msg: text })}\n`;
