import { isIPv6 } from "node:net";

/** Where somebody is reached; an IPv6 address is without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** As it stands in a URL (RFC 3986 section 3.2), whatever is called a host. */
export const inUrl = ({ host, port }: Address): string =>
  `${isIPv6(host) ? `[${host}]` : encodeURIComponent(host)}:${port}`;
