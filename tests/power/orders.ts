/** What a proof is asked for, from the environment, and how it says what it found. */
import * as v from "valibot";
import { type Arch, arches, hostArch } from "../qemu/index.ts";

const count = (otherwise: number) =>
  v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,10}$/, (issue) => `a number, not ${issue.received}`),
      v.transform(Number),
    ),
    String(otherwise),
  );

export interface Orders {
  readonly seed: number;
  readonly count: number;
  readonly arch: Arch;
}

/** SEED, COUNT and ARCH; a seed that nobody gave is drawn, and printed by whoever uses it. */
export function ordersOf(environment: Readonly<Record<string, string | undefined>>, usual: number): Orders {
  const shape = v.object({
    SEED: count(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0),
    COUNT: count(usual),
    ARCH: v.optional(v.picklist(arches), hostArch()),
  });
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const { SEED, COUNT, ARCH } = v.parse(shape, given);
  return { seed: SEED, count: COUNT, arch: ARCH };
}
