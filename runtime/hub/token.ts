import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { base32 } from "../fleet/terms/index.ts";
import type { By, HubDatabase, Token, TokenPurpose } from "./database/index.ts";

const TOKEN = /^cairn-[a-z2-7]{32}$/;

/** A new token: 160 bits of chance, so nobody guesses it and its hash needs no salt and no slowness. */
export const newToken = (): string => `cairn-${base32(randomBytes(20))}`;

export const isToken = (text: string): boolean => TOKEN.test(text);

export const hashOf = (token: string): Uint8Array => createHash("sha256").update(token).digest();

/** The one of `tokens` that `text` is; how long it takes says nothing of how near it came. */
export function matchToken(text: string, tokens: readonly Token[]): Token | null {
  const hash = hashOf(text);
  let found: Token | null = null;
  for (const token of tokens) if (timingSafeEqual(hash, token.hash)) found = token;
  return found;
}

/** Makes a token and keeps its hash; the token itself is nowhere but here. */
export async function giveToken(
  database: Pick<HubDatabase, "addToken">,
  purpose: TokenPurpose,
  holder: string,
  by: By,
): Promise<string> {
  const token = newToken();
  await database.addToken({ hash: hashOf(token), purpose, holder }, by);
  return token;
}
