import { type Address, inUrl } from "../../address.ts";
import { explainTunnel } from "./tunnel-answer.ts";

type FetchProblem = Error & { readonly code?: unknown };

/** What Bun's `fetch` has to be told. */
export const viaProxy = (proxy: Address | null): { readonly proxy?: string } =>
  proxy === null ? {} : { proxy: `http://${inUrl(proxy)}` };

/** How a `fetch` through a proxy failed, for people, as far as Bun tells; `why` is what else is known of it. */
export function explainThrough(proxy: Address, { code, message }: FetchProblem, why: string): string {
  switch (code) {
    case "ERR_PROXY_TUNNEL": {
      const status = Number(/\b[1-5][0-9][0-9]\b/.exec(message)?.[0] ?? 0);
      return explainTunnel({ kind: "refused", status }, proxy);
    }
    case "ECONNREFUSED":
      return explainTunnel({ kind: "unreachable", why }, proxy);
    case "Malformed_HTTP_Response":
    case "ResponseHeadersTooLarge":
      return explainTunnel({ kind: "garbage" }, proxy);
    default:
      return `through the proxy ${inUrl(proxy)}: ${why}`;
  }
}
