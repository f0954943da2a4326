import { table } from "../../table.ts";
import type { Finding } from "./finding.ts";

/** A line for each finding: area, level, sentence, next step; that one is not aligned, as sentences may be long. */
export const reportText = (findings: readonly Finding[]): string =>
  table(
    findings.map(({ area, level, sentence, next }) => [
      area,
      level,
      next === null ? sentence : `${sentence}   next: ${next}`,
    ]),
  );

export const reportJson = (findings: readonly Finding[]): string => JSON.stringify({ ok: isWell(findings), findings });

/** Warnings are no fault: a device may be in the middle of something. */
export const isWell = (findings: readonly Finding[]): boolean => findings.every(({ level }) => level !== "bad");
