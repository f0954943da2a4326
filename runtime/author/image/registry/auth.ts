import * as v from "valibot";
import { wholeOf } from "../checked.ts";
import { fail } from "../fault.ts";
import { readChallenge } from "./challenge.ts";
import { type Answer, get, type HttpOptions } from "./http.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

const TOKEN_BYTES_MAX = 64 << 10;
const token = v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/, "wants printable ASCII"));
const TokenAnswer = v.union([v.object({ token }), v.object({ access_token: token })]);

const basic = ({ user, password }: Login): string => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** The value of `Authorization` that answers a 401; throws BadImage when nothing does. */
export async function authorizationFor(
  answer: Answer,
  repository: string,
  login: Login | null,
  options: HttpOptions,
): Promise<string> {
  const { url, status } = answer;
  const refused = (detail: string): never => fail({ kind: "registry", url, status, detail });
  const challenge = readChallenge(answer.headers.get("www-authenticate"));
  if (challenge === null) return refused("and does not say how to log in");
  if (challenge.scheme === "basic") return login === null ? refused("without a login") : basic(login);
  const asked = new URL(challenge.realm);
  if (challenge.service !== null) asked.searchParams.set("service", challenge.service);
  // What is asked for is what is needed, whatever the registry would like to hand out.
  asked.searchParams.set("scope", `repository:${repository}:pull`);
  const granted = await get(asked.href, { accept: "application/json" }, login === null ? null : basic(login), options);
  const bytes = await wholeOf(granted.body, granted.url, TOKEN_BYTES_MAX);
  if (granted.status !== 200) fail({ kind: "registry", url: granted.url, status: granted.status, detail: "no token" });
  const parsed = v.safeParse(TokenAnswer, parseJson(bytes));
  if (!parsed.success) return fail({ kind: "document", what: granted.url, detail: "its answer has no token" });
  return `Bearer ${"token" in parsed.output ? parsed.output.token : parsed.output.access_token}`;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
}
