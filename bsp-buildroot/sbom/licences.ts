import * as License from "@cyclonedx/cyclonedx-library/Contrib/License";
import { type License as AnyLicense, NamedLicense } from "@cyclonedx/cyclonedx-library/Models";
import parseExpression from "spdx-expression-parse";

const factory = new License.Factories.LicenseFactory(parseExpression);

/** Names that SPDX has deprecated: GNU licences say "only" or "or later" by now. */
const modern = (name: string): string =>
  name.replace(/^(A?GPL|LGPL|GFDL)-(\d\.\d)(\+?)$/, (_all, kind, version, later) =>
    [kind, version, later === "+" ? "or-later" : "only"].join("-"),
  );

/** "GPL-2.0+ (programs)" → "GPL-2.0-or-later"; which part of a package a licence is for has no place in an expression. */
const withoutRemark = (text: string): string => text.replace(/\s*\([^()]*\)$/, "").trim();

const isExpression = (text: string): boolean => {
  try {
    parseExpression(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * Licences as Buildroot writes them: separated by commas where all of them hold, by "or" where one may choose, in brackets what they
 * are for. One SPDX expression where each is known to SPDX, otherwise each by itself, by its name; none for "unknown".
 */
export function licencesOf(text: string): readonly AnyLicense[] {
  const parts = text
    .split(/,\s*(?![^(]*\))/)
    .map((part) => withoutRemark(part.trim()))
    .filter((part) => part !== "" && part !== "unknown")
    .map((part) => part.split(" or ").map(modern));
  const [first] = parts;
  if (first === undefined) return [];
  const whole = (choice: readonly string[]): string => choice.join(" OR ");
  if (!parts.every((choice) => isExpression(whole(choice))))
    return parts.map((choice) =>
      choice.length === 1 ? factory.makeDisjunctive(choice[0] ?? "") : new NamedLicense(whole(choice)),
    );
  if (parts.length === 1) return [factory.makeFromString(whole(first))];
  return [
    factory.makeExpression(
      parts.map((choice) => (choice.length > 1 ? `(${whole(choice)})` : whole(choice))).join(" AND "),
    ),
  ];
}
