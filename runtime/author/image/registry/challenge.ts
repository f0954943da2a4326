/** What a registry asks for in `WWW-Authenticate` (RFC 9110, 11.6.1; distribution, "Token Authentication Specification"). */
export type Challenge =
  | { readonly scheme: "basic" }
  | {
      readonly scheme: "bearer";
      readonly realm: string;
      readonly service: string | null;
      readonly scope: string | null;
    };

const HEADER_CHARS_MAX = 8192;

/** The first challenge that is known; null: there is none. */
export function readChallenge(header: string | null): Challenge | null {
  if (header === null || header.length > HEADER_CHARS_MAX) return null;
  const [, scheme = "", rest = ""] = /^\s*([A-Za-z]+)\s*(.*)$/s.exec(header) ?? [];
  if (scheme.toLowerCase() === "basic") return { scheme: "basic" };
  if (scheme.toLowerCase() !== "bearer") return null;
  const values = new Map<string, string>();
  for (const [, key = "", quoted, plain] of rest.matchAll(/([A-Za-z_]+)\s*=\s*(?:"([^"]*)"|([^",\s]*))/g)) {
    if (!values.has(key.toLowerCase())) values.set(key.toLowerCase(), quoted ?? plain ?? "");
  }
  const realm = values.get("realm");
  if (realm === undefined || !URL.canParse(realm)) return null;
  return { scheme: "bearer", realm, service: values.get("service") ?? null, scope: values.get("scope") ?? null };
}
