/** What shows that somebody hears what is sent to an address: without it, who forges his own could have much sent to others. Pure. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Cookie } from "../../fleet/sealed/index.ts";

const COOKIE_BYTES = 4;
/** It is good for this period and the next. */
const PERIOD_MS = 30 * 60_000;

const ofPeriod = (secret: Uint8Array, address: string, period: number): Cookie =>
  new Uint8Array(createHmac("sha256", secret).update(`${period} ${address}`).digest().subarray(0, COOKIE_BYTES));

const periodOf = (nowMs: number): number => Math.floor(nowMs / PERIOD_MS);

export const cookieOf = (secret: Uint8Array, address: string, nowMs: number): Cookie =>
  ofPeriod(secret, address, periodOf(nowMs));

export const isCookieOf = (secret: Uint8Array, address: string, nowMs: number, cookie: Cookie): boolean =>
  [0, 1].some((ago) => timingSafeEqual(ofPeriod(secret, address, periodOf(nowMs) - ago), cookie));
