import type { RevisionName } from "../../state/index.ts";
import { deflatedText } from "../logs/index.ts";
import type { Letter } from "../outbox/index.ts";
import { encodeLogs } from "../wire/index.ts";

/** `u/g`: what is known of a revision's failure, for the hub. */
export const evidenceLetter = (revision: RevisionName, text: string): Omit<Letter, "id"> => ({
  leaf: "u/g",
  bytes: encodeLogs({ kind: "evidence", revision, deflated: deflatedText(text), command: null }),
  lasting: true,
});
