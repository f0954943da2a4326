import * as v from "valibot";

/** A text that `parse` takes; null is its no. */
export const parsedBy = <T>(parse: (text: string) => T | null, what: string) =>
  v.pipe(
    v.string(),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== null) return value;
      addIssue({ message: `no ${what}` });
      return NEVER;
    }),
  );
