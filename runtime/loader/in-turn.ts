import type { Loader } from "./model.ts";

/**
 * The same loader, one call at a time. One that a slow card holds up for minutes may still be under way when nobody waits for it any
 * more: what comes after it must not overtake it, and who reads must hear of it, or a revision that it names is removed as unwanted.
 */
export function inTurn(loader: Loader): Loader {
  let last: Promise<unknown> = Promise.resolve();
  const turn = <T>(call: () => Promise<T>): Promise<T> => {
    const answer = last.then(call);
    last = answer.catch(() => {}); // who made the call hears of it
    return answer;
  };
  return {
    type: loader.type,
    canTry: loader.canTry,
    read: () => turn(() => loader.read()),
    install: (rev, state) => turn(() => loader.install(rev, state)),
    arm: (rev) => turn(() => loader.arm(rev)),
    commit: (rev) => turn(() => loader.commit(rev)),
    disarm: () => turn(() => loader.disarm()),
    rebootArgument: (armed) => loader.rebootArgument(armed), // changes nothing, and going down waits for nobody
  };
}
