import { inspect } from "node:util";
import { writeControl } from "../linux/index.ts";

/** The kernel takes ten messages of a program every five seconds (printk_devkmsg=ratelimit, admin-guide/kernel-parameters.txt). */
const maxLines = 10;
/** Of one message, in UTF-16 units of at most three bytes each; the kernel refuses a message of a kibibyte (LOG_LINE_MAX, printk.c). */
const maxLineLength = 300;
const emergency = "<0>";

/** What the kernel is told, message by message, of an exception that ends the runtime. */
export const lastWords = (cause: unknown): readonly string[] =>
  inspect(cause)
    .split("\n")
    .slice(0, maxLines)
    .map((line) => `${emergency}cairn: ${line.slice(0, maxLineLength)}`);

/**
 * An exception that nobody caught ends process 1, and so the machine: the kernel panics at once, and what a terminal driver has not
 * yet sent is lost. So its text goes through the kernel's own log, which is on every console before the write comes back, and in
 * pstore after the reboot; where there is none, to standard error.
 */
export function endWithLastWords(cause: unknown): never {
  for (const words of lastWords(cause)) if (!writeControl("/dev/kmsg", words).ok) console.error(words);
  process.exit(1);
}
