import { existsSync } from "node:fs";
import { ok } from "../result.ts";
import type { Accepts } from "./read-revision.ts";
import { type SecureBoot, type SecureBootPorts, trustFiles } from "./trust-store.ts";

/**
 * Whose revisions this device takes: every one where there is neither a trust store nor a mode that asks for one. What checks signatures is
 * loaded only where some are checked: it is a good part of a start.
 */
export async function openSecureBoot(ports: SecureBootPorts): Promise<SecureBoot> {
  const { PV_SECUREBOOT_MODE: mode } = ports.config;
  const isThere = Object.values(trustFiles(ports.config)).some((path) => existsSync(path));
  if (isThere || (mode !== null && mode !== "disabled")) {
    return (await import("./check-signatures.ts")).checkSignatures(ports);
  }
  const takeAll: Accepts = () => ok(undefined);
  const summary = "signatures: disabled; nobody is trusted: there is no trust store";
  return { mode: "disabled", summary, offered: takeAll, booted: takeAll };
}
