/** Certificates made by openssl, for what the vectors do not have. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, readCertificates } from "../../runtime/signatures/index.ts";
import { unwrap } from "./signed-state.ts";
import { vectorPath } from "./vectors.ts";

/** Runs openssl; throws with what it said when it fails. */
export function openssl(words: readonly string[], stdin = ""): Buffer {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["openssl", ...words], { stdin: Buffer.from(stdin) });
  if (exitCode !== 0) throw new Error(`openssl ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** A certificate, and what it takes to issue others with it. */
export interface Issued {
  readonly pem: string;
  readonly certificate: Certificate;
  readonly file: string;
  readonly key: string;
}

export interface Wish {
  /** Of the vectors' keys: `dev-ec256`. */
  readonly key: string;
  readonly name: string;
  /** Null: itself. */
  readonly by: Issued | null;
  /** Lines of an openssl extension section; empty: a version 1 certificate. */
  readonly extensions: readonly string[];
  readonly digest?: string;
  readonly days?: number;
}

/** An authority of certificates in a folder of its own. */
export function openAuthority(): { issue(wish: Wish): Issued; close(): void } {
  const folder = mkdtempSync(join(tmpdir(), "cairn-pki-"));
  let serial = 0;
  return {
    issue({ key, name, by, extensions, digest = "sha256", days = 3650 }) {
      serial += 1;
      const [request, extfile, file] = ["csr", "ext", "crt"].map((end) => join(folder, `${serial}.${end}`)) as [
        string,
        string,
        string,
      ];
      const keyFile = vectorPath(`pki/${key}.key`);
      openssl(["req", "-new", "-key", keyFile, "-subj", `/O=Test/CN=${name}`, "-out", request]);
      writeFileSync(extfile, extensions.join("\n"));
      const signer = by === null ? ["-signkey", keyFile] : ["-CA", by.file, "-CAkey", by.key];
      const extra = extensions.length === 0 ? [] : ["-extfile", extfile];
      openssl([
        "x509",
        "-req",
        "-in",
        request,
        ...signer,
        ...extra,
        `-${digest}`,
        "-days",
        String(days),
        "-set_serial",
        String(serial),
        "-out",
        file,
      ]);
      const pem = openssl(["x509", "-in", file]).toString();
      const [certificate] = unwrap(readCertificates(pem));
      if (certificate === undefined) throw new Error("a certificate");
      return { pem, certificate, file, key: keyFile };
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
