import { err, ok, type Result } from "../../result.ts";
import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { printable } from "../table.ts";
import { readStandardInput, readText } from "../text.ts";
import { EXIT, exits } from "./exits.ts";

const FINGERPRINT = /^sha256:([0-9a-f]{64})$/i;
const TOKEN = /^cairn-[a-z2-7]{32}$/;
const TOKEN_BYTES_MAX = 1024;
const PEM_BYTES_MAX = 64 << 10;

export const loginCommand = command("login", {
  summary: "Keep which hub the other commands talk to, and the token for it, in ~/.config/cairn/fleet.json",
  example: "cairn fleet login https://192.0.2.7:8443 --authority authority.crt --token -",
  flags: {
    authority: flag.text(
      "how the hub is known: sha256:… as it prints it, or its authority's certificate in a PEM file",
    ),
    token: flag.text('an operator\'s token; "-" reads it from stdin, where no list of processes shows it'),
  },
  operands: { address: operand.needed("of the hub: https://host:port") },
  exits,
  async run({ address, authority, token }, out) {
    const { explainAddress, originOf, saveAccount } = await import("./account.ts");
    const { askAuthority, askHub, explainAsk } = await import("./ask.ts");
    const { Devices } = await import("./device.ts");
    const wrong = (why: string): number => {
      out.complain(`cairn fleet login: ${why}`);
      return EXIT_USAGE;
    };
    const origin = originOf(address);
    if (origin === null) return wrong(explainAddress(address));
    if (authority === null || token === null) return wrong("wanted --authority and --token");
    const secret = await secretOf(token);
    if (!secret.ok) return wrong(secret.error);

    const wanted = FINGERPRINT.exec(authority)?.[1]?.toLowerCase() ?? null;
    const known = wanted === null ? await certificateIn(authority) : await askAuthority(origin);
    if (!known.ok) {
      if (typeof known.error === "string") return wrong(known.error);
      out.complain(printable(explainAsk(known.error)));
      return EXIT.noAnswer;
    }
    const certificates = wanted === null ? known.value : await withKey(known.value, wanted);
    if (certificates === null) {
      out.complain(`${origin} is not the hub that you mean: the key of its authority is another`);
      return EXIT.refused;
    }
    const account = { address: origin, authority: certificates, token: secret.value };
    const tried = await askHub(account, { method: "GET", path: "/devices?status=waiting" }, Devices);
    if (!tried.ok) {
      out.complain(printable(explainAsk(tried.error)));
      return tried.error.kind === "refused" ? EXIT.refused : EXIT.noAnswer;
    }
    const saved = await saveAccount(process.env, account);
    if (!saved.ok) {
      out.complain(saved.error);
      return EXIT.refused;
    }
    out.print(`${origin}: logged in, kept in ${saved.value}`);
    return EXIT.done;
  },
});

async function secretOf(token: string): Promise<Result<string, string>> {
  const text = token === "-" ? await readStandardInput(TOKEN_BYTES_MAX) : token;
  return text !== null && TOKEN.test(text.trim()) ? ok(text.trim()) : err("the token is none: wanted cairn-…");
}

async function certificateIn(path: string): Promise<Result<string, string>> {
  const { explainTrust, readCertificates, writePem } = await import("../../signatures/index.ts");
  try {
    const pem = await readText(path, PEM_BYTES_MAX);
    const read = pem === null ? null : readCertificates(pem);
    if (read === null) return err(`--authority ${path}: it is too large, or no text`);
    if (!read.ok) return err(`--authority ${path}: ${explainTrust(read.error)}`);
    return ok(read.value.map(({ der }) => writePem("CERTIFICATE", der)).join(""));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return err(`--authority ${path}: neither sha256: and 64 digits, nor a file that can be read (${code ?? thrown})`);
  }
}

/** The one certificate whose key has this fingerprint, as nothing is known of the others; null: there is none. */
async function withKey(pem: string, wanted: string): Promise<string | null> {
  const { fingerprint, readCertificates, writePem } = await import("../../signatures/index.ts");
  const read = readCertificates(pem);
  const found = (read.ok ? read.value : []).find(({ key }) => key.ok && fingerprint(key.value) === wanted);
  return found === undefined ? null : writePem("CERTIFICATE", found.der);
}
