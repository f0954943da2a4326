import { lookup } from "node:dns/promises";
import type { Duplex } from "node:stream";
import { type Address, inUrl } from "../../address.ts";
import { err, ok, type Result } from "../../result.ts";
import { beginWay, type Way, type WayOptions } from "./way.ts";

/** An attempt to reach somebody. */
export interface Dial {
  /** The connection, whose errors nobody has to listen to; or why there is none, for people. */
  readonly opened: Promise<Result<Duplex, string>>;
  /** Bytes of IP and up, both directions, so far. */
  usedBytes(): number;
  /** Of the connection, {@link WayOptions.receiveBytes} from now on: more than it was. */
  widen(receiveBytes: number): void;
  /** Ends it, connected or not. */
  close(how: "after what was written" | "at once"): void;
  /** After `close`: when nothing comes any more. */
  silent(): Promise<void>;
}

/** One address after the other is tried, and this long each is waited for alone (RFC 8305 section 5 has 2 s for the most). */
const ALONE_MS = 2_000;

/** Begins to connect to the first address of `to` that answers. */
export const dial = ({ host, port }: Address, options: WayOptions): Dial =>
  dialOneOf(
    lookup(host, { all: true }).then((found) => found.map(({ address }) => address)),
    port,
    options,
  );

/** `addresses`: of one host; that they cannot be had is told with the reason. */
export function dialOneOf(addresses: Promise<readonly string[]>, port: number, options: WayOptions): Dial {
  const ways: { readonly way: Way; readonly closed: Promise<void> }[] = [];
  const { promise: opened, resolve } = Promise.withResolvers<Result<Duplex, string>>();
  const problems: string[] = [];
  let waiting: readonly string[] = [];
  let [trying, settled] = [0, false];
  let stopTimer = (): void => {};

  function settle(result: Result<Duplex, string>): void {
    settled = true;
    stopTimer();
    resolve(result);
  }

  function next(): void {
    stopTimer();
    if (settled) return;
    const [address, ...rest] = waiting;
    waiting = rest;
    if (address === undefined) {
      if (trying === 0) settle(err(problems.join(", ")));
      return;
    }
    const begun = beginWay({ address, port }, options);
    if (!begun.ok) {
      problems.push(`connect ${begun.error.code} ${inUrl({ host: address, port })}`);
      next();
      return;
    }
    trying += 1;
    follow(begun.value);
    const timer = setTimeout(next, ALONE_MS);
    stopTimer = () => clearTimeout(timer);
  }

  function follow(way: Way): void {
    const { stream } = way;
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    ways.push({ way, closed });
    stream.once("connect", () => {
      settle(ok(stream));
      for (const { way: other } of ways) if (other !== way) other.reset();
    });
    stream.on("error", ({ message }) => void problems.push(message));
    stream.once("close", () => {
      close();
      trying -= 1;
      next();
    });
  }

  addresses.then(
    (found) => {
      waiting = found;
      next();
    },
    (problem: Error) => settle(err(problem.message)),
  );
  return {
    opened,
    usedBytes: () => ways.reduce((sum, { way }) => sum + way.usedBytes(), 0),
    widen(receiveBytes) {
      for (const { way } of ways) way.widen(receiveBytes);
    },
    close(how) {
      if (!settled) settle(err("the connection was closed"));
      for (const { way } of ways) {
        if (how === "at once") way.reset();
        else way.stream.destroy();
      }
    },
    async silent() {
      await Promise.all(ways.map(({ closed }) => closed));
    },
  };
}
