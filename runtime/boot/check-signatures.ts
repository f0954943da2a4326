import { readText } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import {
  coverage,
  explainTrust,
  explainVerify,
  type OemTrust,
  readCertificates,
  readPublicKeys,
  type Trust,
  type TrustFault,
  verifyState,
} from "../signatures/index.ts";
import type { Accepts } from "./read-revision.ts";
import { type SecureBoot, type SecureBootPorts, trustFiles } from "./trust-store.ts";

/** Reads the trust store. A file of it that is there and cannot be used leaves nobody trusted: everything is refused, with that reason. */
export function checkSignatures({ config, wallMs, warn }: SecureBootPorts): SecureBoot {
  const found = readTrust(config);
  const mode = config.PV_SECUREBOOT_MODE ?? (found.ok && isEmpty(found.value.trust) ? "disabled" : "strict");
  const accepting = (dated: boolean): Accepts => {
    if (mode === "disabled") return () => ok(undefined);
    if (!found.ok) return () => found;
    const { trust, oem } = found.value;
    const floorMs = floorOf(trust);
    return (text) => {
      const nowMs = wallMs();
      // A clock that is behind the trust store's own certificates was never set.
      const time = dated ? { nowMs: nowMs >= floorMs ? nowMs : null, floorMs } : { nowMs: null };
      const report = verifyState(text, trust, { ...time, oem });
      if (!report.ok) return err(explainVerify(report.error));
      const { accepted, uncovered } = coverage(report.value, mode);
      if (uncovered.length === 0) return ok(undefined);
      const why = `State not fully covered by signatures: ${listed(uncovered)}`;
      if (!accepted) return err(`${why}: sign them, or take them out`);
      warn(why);
      return ok(undefined);
    };
  };
  return {
    mode,
    summary: `signatures: ${mode}; ${summaryOf(found)}`,
    offered: accepting(true),
    booted: accepting(false),
  };
}

interface Trusted {
  readonly trust: Trust;
  readonly oem: OemTrust | null;
}

const isEmpty = ({ certificates, keys }: Trust): boolean => certificates.length + keys.length === 0;

function summaryOf(found: Result<Trusted, string>): string {
  if (!found.ok) return found.error;
  const { trust, oem } = found.value;
  if (isEmpty(trust)) return "nobody is trusted: there is no trust store";
  const own = `${trust.certificates.length} certificates and ${trust.keys.length} keys are trusted`;
  return oem === null ? own : `${own}, and ${oem.certificates.length} certificates for ${oem.name}`;
}

/** Not before 1970, so that nothing at all is a floor, too. */
const floorOf = ({ certificates }: Trust): number => Math.max(0, ...certificates.map(({ notBeforeMs }) => notBeforeMs));

function readTrust(config: SecureBootPorts["config"]): Result<Trusted, string> {
  const files = trustFiles(config);
  const certificates = readStore(files.certificates, readCertificates);
  if (!certificates.ok) return certificates;
  const keys = readStore(files.keys, readPublicKeys);
  if (!keys.ok) return keys;
  const trust = { certificates: certificates.value, keys: keys.value };
  const { PV_OEM_NAME: name } = config;
  if (name === null) return ok({ trust, oem: null });
  const oem = readStore(files.oem, readCertificates);
  return oem.ok ? ok({ trust, oem: { name, certificates: oem.value } }) : oem;
}

/** Nothing where there is no file. */
function readStore<T>(
  path: string,
  read: (pem: string) => Result<readonly T[], TrustFault>,
): Result<readonly T[], string> {
  const text = readText(path);
  if (!text.ok) return text.error.code === "ENOENT" ? ok([]) : err(`${path} cannot be read: ${text.error.code}`);
  const parsed = read(text.value);
  return parsed.ok ? parsed : err(`nobody is trusted: ${path}: ${explainTrust(parsed.error)}`);
}

const SHOWN_MAX = 5;
const listed = (keys: readonly string[]): string =>
  keys.length <= SHOWN_MAX
    ? keys.join(", ")
    : `${keys.slice(0, SHOWN_MAX).join(", ")} and ${keys.length - SHOWN_MAX} more`;
