import type { Duplex } from "node:stream";
import { type Address, inUrl } from "../../address.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Dial } from "../way/index.ts";
import { TunnelAnswer, type TunnelFault } from "./tunnel-answer.ts";

/** The link gives up after 90 seconds, without knowing why. */
const WITHIN_S = 60;

/**
 * Asks the proxy that is being dialled for a way to `to`. Through what that ends with, everything goes to the other end and comes from there.
 * A connection that is closed meanwhile is an end, too.
 */
export async function openTunnel(proxy: Dial, to: Address): Promise<Result<Duplex, TunnelFault>> {
  const { promise, resolve } = Promise.withResolvers<Result<Duplex, TunnelFault>>();
  const unreachable = (why: string): void => resolve(err({ kind: "unreachable", why }));
  function ask(stream: Duplex): void {
    const name = inUrl(to);
    const answer = new TunnelAnswer();
    const hear = (bytes: Uint8Array): void => {
      const said = answer.take(bytes);
      if (said === null) return;
      stream.off("data", hear);
      resolve(said.ok ? ok(stream) : said);
    };
    stream.on("data", hear);
    stream.once("error", ({ message }) => unreachable(message));
    stream.once("close", () => unreachable("it closed the connection"));
    stream.write(`CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  }
  const late = setTimeout(() => resolve(err({ kind: "silent", seconds: WITHIN_S })), WITHIN_S * 1000);
  void proxy.opened.then((opened) => (opened.ok ? ask(opened.value) : unreachable(opened.error)));
  const result = await promise;
  clearTimeout(late);
  if (!result.ok) proxy.close("at once");
  return result;
}
