import type { SecureBootMode } from "../signatures/index.ts";
import type { Config } from "./config/index.ts";
import type { Accepts } from "./read-revision.ts";

/** Whom the base system trusts, and what it insists on (reference 12). */
export interface SecureBoot {
  readonly mode: SecureBootMode;
  /** The mode and who is trusted, for the log. */
  readonly summary: string;
  /** For a revision that comes: certificates must be valid now. */
  readonly offered: Accepts;
  /**
   * For a revision that boots. It was accepted when it came; what ran yesterday must not stop a device today because a certificate has
   * ended meanwhile, so the dates are not looked at.
   */
  readonly booted: Accepts;
}

export interface SecureBootPorts {
  readonly config: Pick<
    Config,
    | "PV_SECUREBOOT_MODE"
    | "PV_SECUREBOOT_TRUSTSTORE"
    | "PV_SECUREBOOT_OEM_TRUSTSTORE"
    | "PV_OEM_NAME"
    | "PV_SYSTEM_ETCDIR"
  >;
  /** Milliseconds since 1970, by a clock that may not have been set. */
  wallMs(): number;
  warn(message: string): void;
}

/** Where the base system keeps whom it trusts (reference 12). */
export function trustFiles(config: SecureBootPorts["config"]) {
  const folder = `${config.PV_SYSTEM_ETCDIR}/pantavisor/pvs/trust`;
  return {
    certificates: `${folder}/${config.PV_SECUREBOOT_TRUSTSTORE}.crt`,
    keys: `${folder}/pub.pem`,
    oem: `${folder}/${config.PV_SECUREBOOT_OEM_TRUSTSTORE}.crt`,
  };
}
