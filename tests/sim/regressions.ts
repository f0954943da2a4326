import * as v from "valibot";
import listed from "./regressions.json";

const At = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const Accidents = v.array(
  v.variant("kind", [
    v.strictObject({ at: At, kind: v.literal("cut"), moment: v.picklist(["before", "during", "after"]) }),
    v.strictObject({ at: At, kind: v.picklist(["noSpace", "io"]) }),
  ]),
);

/**
 * `regressions.json`: what once failed. `story` is the campaign's name; `accidents` is the shrunken list, so that the case stays when
 * the rates change, or is absent: then they are drawn. `note` says what was wrong. Numbers of calls move when the code under test makes
 * other calls: an old entry loses its point then, not its right to pass.
 */
const Regressions = v.array(
  v.strictObject({
    story: v.string(),
    seed: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    accidents: v.exactOptional(Accidents),
    note: v.pipe(v.string(), v.minLength(1)),
  }),
);

export type Regression = v.InferOutput<typeof Regressions>[number];

const all = v.parse(Regressions, listed);

export const regressionsOf = (story: string): readonly Regression[] => all.filter((one) => one.story === story);
