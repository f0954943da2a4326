import { allowance, type FromLink, warning } from "../pipe/index.ts";

const [AT_ONCE, EVERY_MS] = [20, 60_000];

/** Warnings for the device's log: a few, and then one now and then, since whoever sends rubbish could fill it. Those that are left out are counted. */
export function fewWarnings(tell: (message: FromLink) => void, now: () => number): (message: string) => void {
  const may = allowance(AT_ONCE, EVERY_MS);
  let leftOut = 0;
  return (message) => {
    if (!may(now())) {
      leftOut += 1;
      return;
    }
    tell(warning(leftOut === 0 ? message : `${message} (${leftOut} warnings before this one are left out)`));
    leftOut = 0;
  };
}
