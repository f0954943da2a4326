/** What JSON leaves as it is but a terminal obeys: C1 controls, line separators, marks that turn the writing direction. */
const UNSEEN = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A stranger's text as people can read it in one line: in quotes as JSON has it, with nothing in it that drives a terminal. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(UNSEEN, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
