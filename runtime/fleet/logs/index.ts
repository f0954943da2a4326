/** Log lines and evidence as they travel: text, deflated (RFC 1951), within bounds on both ends. */
export { deflatedLines, deflatedText, type LogBatch } from "./deflate.ts";
export { explainLogs, inflatedText, type LogsFault } from "./inflate.ts";
