import { connect, type Socket } from "node:net";
import { type Address, inUrl } from "../../address.ts";
import { err, type Result } from "../../result.ts";
import { TunnelAnswer, type TunnelFault } from "./tunnel-answer.ts";

export interface Tunnel {
  /** To the proxy: what it has carried is what the way costs. */
  readonly socket: Socket;
  /** When that is ok, everything goes to the other end and comes from there. */
  readonly opened: Promise<Result<void, TunnelFault>>;
}

/** The link gives up after 90 seconds, without knowing why. */
const WITHIN_S = 60;

/** Asks a proxy for a way to `to`. A socket that is destroyed meanwhile is an end, too. */
export function openTunnel(proxy: Address, to: Address): Tunnel {
  const { promise, resolve } = Promise.withResolvers<Result<void, TunnelFault>>();
  const socket = connect({ host: proxy.host, port: proxy.port });
  const answer = new TunnelAnswer();
  const hear = (bytes: Uint8Array): void => {
    const said = answer.take(bytes);
    if (said !== null) settle(said);
  };
  const settle = (result: Result<void, TunnelFault>): void => {
    clearTimeout(late);
    socket.off("data", hear);
    if (!result.ok) socket.destroy();
    resolve(result);
  };
  const late = setTimeout(() => settle(err({ kind: "silent", seconds: WITHIN_S })), WITHIN_S * 1000);
  const name = inUrl(to);
  socket.once("connect", () => socket.write(`CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`));
  socket.on("data", hear);
  socket.on("error", (problem) => settle(err({ kind: "unreachable", why: problem.message })));
  socket.once("close", () => settle(err({ kind: "unreachable", why: "it closed the connection" })));
  return { socket, opened: promise };
}
