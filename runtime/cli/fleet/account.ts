import { homedir } from "node:os";
import * as v from "valibot";
import { err, ok, type Result } from "../../result.ts";
import { explainDiskError, realDisk, saveFile } from "../../store/index.ts";
import { readText } from "../text.ts";

/** Which hub, how it is known, and who asks. */
export interface Account {
  /** `https://host:port`. */
  readonly address: string;
  /** Certificate of its authority in PEM. */
  readonly authority: string;
  readonly token: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const Saved = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ address: v.string(), authority: v.string(), token: v.string() }),
);
const BYTES_MAX = 64 << 10;
const OWNER_ALONE = 0o600;

/** Where the last login is kept. */
export const accountPath = (env: Environment): string =>
  `${env["XDG_CONFIG_HOME"] || `${env["HOME"] || homedir()}/.config`}/cairn/fleet.json`;

/**
 * The account of the last login. `CAIRN_FLEET_ADDRESS`, `CAIRN_FLEET_TOKEN` and `CAIRN_FLEET_AUTHORITY` (a PEM file) each count instead;
 * with all three there need not have been a login. The error is a sentence.
 */
export async function readAccount(env: Environment): Promise<Result<Account, string>> {
  const pemFile = env["CAIRN_FLEET_AUTHORITY"];
  const authority = pemFile === undefined ? ok(undefined) : await textOf(pemFile);
  if (!authority.ok) return authority;
  const given = { address: env["CAIRN_FLEET_ADDRESS"], authority: authority.value, token: env["CAIRN_FLEET_TOKEN"] };
  const path = accountPath(env);
  const saved = Object.values(given).includes(undefined) ? await textOf(path) : ok("");
  if (!saved.ok) return err(`not logged in (${saved.error}): "cairn fleet login <address>" does that`);
  const read = v.safeParse(Saved, saved.value);
  if (saved.value !== "" && !read.success) return err(`${path} is not what a login writes: log in again`);
  const last = read.success ? read.output : { address: "", authority: "", token: "" };
  const account = {
    address: given.address ?? last.address,
    authority: given.authority ?? last.authority,
    token: given.token ?? last.token,
  };
  const address = originOf(account.address);
  return address === null ? err(explainAddress(account.address)) : ok({ ...account, address });
}

/** Readable by its owner alone: it has the token. */
export async function saveAccount(env: Environment, account: Account): Promise<Result<string, string>> {
  const path = accountPath(env);
  const text = `${JSON.stringify(account, null, 2)}\n`;
  const saved = await saveFile(realDisk, "keep the login", path, Buffer.from(text), OWNER_ALONE);
  return saved.ok ? ok(path) : err(explainDiskError(saved.error));
}

/** Scheme, host and port of an address; null: it is none that a hub has. */
export function originOf(address: string): string | null {
  const text = address.includes("://") ? address : `https://${address}`;
  if (!URL.canParse(text)) return null;
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text);
  const isBare = pathname === "/" && `${search}${hash}${username}${password}` === "";
  return protocol === "https:" && isBare ? origin : null;
}

export const explainAddress = (address: string): string =>
  `${JSON.stringify(address)} is no address of a hub: wanted https://host:port`;

async function textOf(path: string): Promise<Result<string, string>> {
  try {
    const text = await readText(path, BYTES_MAX);
    return text === null ? err(`${path} has more than ${BYTES_MAX} bytes, or is no UTF-8`) : ok(text);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return err(`${path} cannot be read, ${code ?? String(thrown)}`);
  }
}
