import type { PrivateKey } from "../../certificates/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { PreparedSignature, PublicKey } from "../../signatures/index.ts";

/** Whoever has the private key: a file, or a program that knows a TPM, a token or a server. */
export interface Signer {
  readonly publicKey: PublicKey;
  /** RSASSA-PKCS1-v1_5, or ECDSA as r‖s or DER. */
  sign(what: PreparedSignature): Promise<Result<Uint8Array, SignerError>>;
}

export type SignerError =
  | { readonly kind: "start"; readonly command: string; readonly why: string }
  | { readonly kind: "failed"; readonly command: string; readonly exit: number }
  | { readonly kind: "tooMuch"; readonly command: string; readonly max: number };

export const keySigner = (key: PrivateKey): Signer => ({
  publicKey: key.publicKey,
  sign: async ({ hash, signingInput }) => ok(key.sign(hash, signingInput)),
});

/** RSA of 8192 bits has 1024. */
const ANSWER_BYTES_MAX = 4096;

/**
 * A signer that is a shell command. It gets the signing input itself on stdin, not its digest: then it may show, log or refuse what
 * it signs, and tools that hash (`openssl dgst -sign`, `pkcs11-tool -m ECDSA-SHA256`) fit as they are; one that wants a digest makes
 * it (`openssl dgst -sha256 -binary | …`). It writes the signature to stdout as bare bytes. Its environment has `CAIRN_SIGN_ALGORITHM`
 * (`RS256`, `ES256`, `ES384`) and `CAIRN_SIGN_HASH` (`sha256`, `sha384`). Its stderr is ours, and it may take its time: someone may have
 * to type a PIN.
 */
export function commandSigner(command: string, publicKey: PublicKey): Signer {
  return {
    publicKey,
    async sign({ algorithm, hash, signingInput }) {
      const env = { ...process.env, CAIRN_SIGN_ALGORITHM: algorithm, CAIRN_SIGN_HASH: hash };
      try {
        await using child = Bun.spawn(["/bin/sh", "-c", command], {
          stdin: Buffer.from(signingInput),
          stdout: "pipe",
          stderr: "inherit",
          env,
        });
        const answer = await readAtMost(child.stdout, ANSWER_BYTES_MAX);
        if (answer === null) return err({ kind: "tooMuch", command, max: ANSWER_BYTES_MAX });
        const exit = await child.exited;
        return exit === 0 ? ok(answer) : err({ kind: "failed", command, exit });
      } catch (thrown) {
        return err({ kind: "start", command, why: String(thrown) });
      }
    },
  };
}

async function readAtMost(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > bytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function explainSigner(error: SignerError): string {
  switch (error.kind) {
    case "start":
      return `signing with "${error.command}": it could not be run (${error.why})`;
    case "failed":
      return `signing with "${error.command}": it ended with exit code ${error.exit}; nothing was signed`;
    case "tooMuch":
      return `signing with "${error.command}": it wrote more than ${error.max} bytes, wanted the bare signature on stdout`;
  }
}
