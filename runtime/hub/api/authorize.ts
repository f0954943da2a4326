import { err, ok, type Result } from "../../result.ts";
import type { HubDatabase } from "../database/index.ts";
import { matchToken } from "../token.ts";
import { type Answer, refused } from "./answer.ts";

/** Who may use a route: whoever reaches it, or who has an operator's token. */
export type Right = "anybody" | "operator";

/** Whoever asks, as the audit log calls them. */
export interface Caller {
  readonly name: string;
}

const BEARER = /^Bearer +(\S{1,128})$/i;

/** The token that a request comes with (RFC 6750 section 2.1); null: it has none. What is no bearer token is a wrong one. */
export function tokenOf(headers: Headers): string | null {
  const header = headers.get("authorization");
  return header === null ? null : (BEARER.exec(header)?.[1] ?? "");
}

/** The one place where it is decided whether a request may do what it asks for. */
export async function authorize(
  right: Right,
  headers: Headers,
  database: Pick<HubDatabase, "listTokens">,
): Promise<Result<Caller, Answer>> {
  if (right === "anybody") return ok({ name: "anybody" });
  const text = tokenOf(headers);
  const token = text === null ? null : matchToken(text, await database.listTokens("operator"));
  if (token !== null) return ok({ name: token.holder });
  const why = text === null ? "this takes an operator's token" : "the token is not one of this hub's operators";
  return err(refused(401, "token", `${why}: "Authorization: Bearer cairn-…"`, { "www-authenticate": "Bearer" }));
}
