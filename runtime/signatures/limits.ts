/**
 * What signatures and trust stores may hold at most: far above what real tools write, and low enough that the worst document is
 * refused in well under 100 ms. The state itself is bounded by the limits of `state/`.
 */
export const limits = {
  /** Signature elements of one state: each container's, and some. */
  signaturesMax: 256,
  /** Characters of `protected`. RS256 with leaf, intermediate and root has 6,500. */
  protectedCharsMax: 96 << 10,
  /** Characters of `signature`. RSA of 8192 bits has 1366. */
  signatureCharsMax: 2048,
  /** Globs of one list, and characters of one of them. */
  globsMax: 256,
  globCharsMax: 1024,
  /** Patterns that one glob may become when its `{p,q}` are written out. */
  alternativesMax: 64,
  /** Comparisons of one character that matching all keys of a state may cost: about a tenth of a second. */
  globStepsMax: 10_000_000,
  /** Certificates in one `x5c`. */
  certificatesMax: 8,
  /** Bytes of one certificate. */
  certificateBytesMax: 16 << 10,
  /** Certificates from the signer's to the trusted one, both counted. */
  chainMax: 8,
  /** Signatures of certificates checked while one chain is looked for: same names in many certificates must not cost much. */
  chainChecksMax: 32,
  /** UTF-8 bytes of a PEM file, and blocks in it. A system's whole trust store has 150 certificates in 230 KiB. */
  pemBytesMax: 1 << 20,
  pemBlocksMax: 512,
  /** Bits of an RSA modulus. Fewer are no protection, more cost too much time. */
  rsaBitsMin: 2048,
  rsaBitsMax: 8192,
} as const;
