/** Mutants of what a proxy answers to CONNECT. */
import { explainTunnel } from "../../../runtime/fleet/proxy/index.ts";
import { ANSWER_BYTES_MAX, TunnelAnswer } from "../../../runtime/fleet/proxy/tunnel-answer.ts";
import { asBytes, mutantBytes } from "../../fuzz/bytes.ts";
import { explained, type Target } from "../../fuzz/campaign.ts";

const CORPUS = [
  "HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n",
  "HTTP/1.0 200\r\n\r\n",
  'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 5\r\n\r\n<html',
  `HTTP/1.1 200 ok\r\nx: ${"y".repeat(ANSWER_BYTES_MAX - 30)}\r\n\r\n`,
].map((text) => Buffer.from(text, "latin1"));
const PROXY = { host: "192.0.2.1", port: 3128 };

const target = (opens: RegExp, explain = explainTunnel, planted: Target["planted"] = []): Target => ({
  name: "tunnel-answer",
  draw: (dice) => mutantBytes(dice, CORPUS),
  read: (input) => {
    const bytes = asBytes(input);
    const answer = new TunnelAnswer();
    const half = bytes.length >> 1;
    const said = answer.take(bytes.subarray(0, half)) ?? answer.take(bytes.subarray(half));
    return () => {
      if (said === null) return bytes.length <= ANSWER_BYTES_MAX ? "fine" : "accepted";
      if (!said.ok) return explained(explain(said.error, PROXY));
      return opens.test(Buffer.from(bytes).toString("latin1")) ? "fine" : "accepted";
    };
  },
  planted,
});

export const tunnelTarget = target(/^HTTP\/1\.[01] 2\d\d[ \r]/, explainTunnel, [
  ["accepted", target(/^HTTP\/1\.1 2/)],
  ["unexplained", target(/^/, () => "\u001b[2J")],
]);
