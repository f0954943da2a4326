/** Mutants of batches of log lines, as a hub reads what a device sent. */
import { deflatedText, explainLogs, inflatedText } from "../../../runtime/fleet/logs/index.ts";
import { limits } from "../../../runtime/fleet/wire/index.ts";
import { asBytes, mutantBytes } from "../../fuzz/bytes.ts";
import { explained, type Target } from "../../fuzz/campaign.ts";

const CORPUS = [
  deflatedText("one line\nand another\n"),
  deflatedText('{"reason":"containerFailed","container":"web","lines":["no such file"]}'),
  deflatedText("x".repeat(limits.logsTextBytesMax)),
  deflatedText(Array.from({ length: 300 }, (_, at) => `line ${at * 7919}`).join("\n")),
];

const target = (bytesMax: number, explain = explainLogs, planted: Target["planted"] = []): Target => ({
  name: "logs",
  draw: (dice) => mutantBytes(dice, CORPUS),
  read: async (input) => {
    const read = inflatedText(asBytes(input));
    // Bun gives back what inflating took with the next turn of the event loop, which a hub takes with each message.
    await new Promise(setImmediate);
    return () => {
      if (!read.ok) return explained(explain(read.error));
      return Buffer.byteLength(read.value) <= bytesMax ? "fine" : "accepted";
    };
  },
  planted,
});

export const logsTarget = target(limits.logsTextBytesMax, explainLogs, [
  ["accepted", target(limits.logsTextBytesMax - 1)],
  ["unexplained", target(limits.logsTextBytesMax, () => "\u001b[2J")],
]);
