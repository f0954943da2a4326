/** Ways to the hub that lead through an HTTP proxy (CONNECT, RFC 9110 section 9.3.6). It carries TLS, and sees and decides nothing in it. */
export { explainThrough, viaProxy } from "./fetch.ts";
export { openTunnel } from "./tunnel.ts";
export { explainTunnel, type TunnelFault } from "./tunnel-answer.ts";
