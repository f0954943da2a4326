/**
 * What a link may cost, as law: bytes counted, counted ahead on the disk, and refused when a day or a month has had its share. Pure; who
 * carries bytes asks first, and who writes the ledger does so before they go.
 */

export { type Account, type Caps, carried, last, needed, open, room, settled, unlimited, usage } from "./account.ts";
export { type Ledger, ledgerText, newLedger, parseLedger } from "./ledger.ts";
export { unreadBytesMax } from "./unread.ts";
