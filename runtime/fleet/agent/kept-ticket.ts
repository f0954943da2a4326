import * as v from "valibot";
import { type Disk, explainDiskError, readFile, saveFile } from "../../store/index.ts";

export interface KeptTicketPorts {
  readonly disk: Disk;
  readonly folder: string;
  /** Not so for devices that sleep for longer than a ticket is good: two hours. */
  readonly acrossRestarts: boolean;
  warn(message: string): void;
}

/** The ticket with which TLS goes on where the last connection was, half as many bytes as one that begins anew costs. */
export interface KeptTicket {
  /** It is for who had it: another certificate is looked at anew. Null: there is none. */
  of(certificate: string): Uint8Array | null;
  keep(certificate: string, ticket: Uint8Array): void;
}

const WHY = "fleet/ticket";
const BYTES_MAX = 16 << 10;
/** It stands for the device's key for two hours, and is as secret. */
const MODE = 0o600;
const Stored = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ certificate: v.string(), ticket: v.pipe(v.string(), v.base64()) }),
);

/** What is damaged or cannot be kept costs a kilobyte. */
export async function openKeptTicket({ disk, folder, acrossRestarts, warn }: KeptTicketPorts): Promise<KeptTicket> {
  const path = `${folder}/tls-ticket.json`;
  const bytes = acrossRestarts ? await readFile(disk, WHY, path, BYTES_MAX) : null;
  const stored = bytes?.ok ? v.safeParse(Stored, Buffer.from(bytes.value).toString("utf8")) : null;
  let kept: { readonly certificate: string; readonly ticket: Uint8Array } | null = stored?.success
    ? { certificate: stored.output.certificate, ticket: new Uint8Array(Buffer.from(stored.output.ticket, "base64")) }
    : null;
  let saving: Promise<unknown> = Promise.resolve();
  return {
    of: (certificate) => (kept?.certificate === digestOf(certificate) ? kept.ticket : null),
    keep(certificate, ticket) {
      kept = { certificate: digestOf(certificate), ticket };
      if (!acrossRestarts) return;
      const text = JSON.stringify({ ...kept, ticket: Buffer.from(ticket).toString("base64") });
      saving = saving
        .then(() => saveFile(disk, WHY, path, Buffer.from(`${text}\n`), MODE))
        .then((saved) => saved.ok || warn(explainDiskError(saved.error)));
    },
  };
}

const digestOf = (certificate: string): string => new Bun.CryptoHasher("sha256").update(certificate).digest("hex");
