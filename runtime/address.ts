/** Where somebody is reached; an IPv6 address is without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const V6 = /^[0-9a-f.]*:[0-9a-f:.]*$/i;
const BRACKETED = /^\[([0-9a-f:.]+)\]$/i;

/** As it stands in a URL (RFC 3986 section 3.2), whatever is called a host. */
export const inUrl = ({ host, port }: Address): string =>
  `${V6.test(host) ? `[${host}]` : encodeURIComponent(host)}:${port}`;

/** A host as people write it: an IPv6 address may be in brackets, as it is in a URL. */
export const withoutBrackets = (text: string): string => BRACKETED.exec(text)?.[1] ?? text;
