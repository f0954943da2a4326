import { err, ok, type Result } from "../result.ts";
import { checkAntiRollback } from "./antirollback.ts";
import { parseBsp } from "./bsp.ts";
import { parseContainers } from "./container.ts";
import { parseDevice } from "./device.ts";
import { openDocument } from "./document.ts";
import { parseDrivers } from "./drivers.ts";
import { Findings, place, type StateError, shown } from "./fault.ts";
import { defaultGroups } from "./groups.ts";
import { decodeUtf8, type JsonNode, readJson } from "./json/index.ts";
import { limits } from "./limits.ts";
import type { Container, Device, Group, State } from "./model.ts";
import { checkServices } from "./services.ts";
import { findSignatures } from "./signatures.ts";

const SPEC = "pantavisor-service-system@1";

export interface ParseOptions {
  /** Groups for a state that brings none; default {@link defaultGroups}. */
  readonly defaultGroups?: readonly Group[];
}

/**
 * Reads a state JSON of the format `pantavisor-service-system@1` (reference sections 1 and 2). Never throws on any input; refuses more
 * than {@link limits} allows before looking at it. A state that comes back can be run: groups exist, files that are named are there.
 */
export function parseState(source: string | Uint8Array, options: ParseOptions = {}): Result<State, StateError> {
  const bytes = sizeOf(source);
  if (bytes > limits.stateBytesMax) return err({ kind: "tooLarge", bytes, bytesMax: limits.stateBytesMax });
  const text = typeof source === "string" ? ok(source) : decodeUtf8(source);
  if (!text.ok) return err({ kind: "syntax", fault: text.error });
  const root = readJson(text.value, limits);
  if (!root.ok) return err({ kind: "syntax", fault: root.error });
  return fromRoot(text.value, root.value, options);
}

/** In UTF-8. Of a text with too many characters already, only those are counted: that costs no time. */
function sizeOf(source: string | Uint8Array): number {
  return typeof source === "string" && source.length <= limits.stateBytesMax
    ? Buffer.byteLength(source)
    : source.length;
}

function fromRoot(text: string, root: JsonNode, options: ParseOptions): Result<State, StateError> {
  const findings = new Findings();
  if (root.kind !== "object") {
    findings.refuse("shape", "the state", root.kind === "array" ? "an array" : shown(root.value), "an object");
    return refused(findings);
  }
  const spec = specOf(root);
  if (spec !== SPEC) return err({ kind: "spec", found: spec });
  const document = openDocument(root, findings);
  const device = parseDevice(document, options.defaultGroups ?? defaultGroups);
  const bsp = parseBsp(document);
  const drivers = parseDrivers(document);
  const containers = parseContainers(document, device);
  const signatures = findSignatures(document);
  checkServices(containers, document);
  checkAntiRollback(document);
  warnOfDisks(device, containers, findings);
  if (findings.refused) return refused(findings);
  const { entries } = document;
  return ok({ spec, text, entries, bsp, device, containers, drivers, signatures, warnings: findings.warnings });
}

function specOf(root: JsonNode & { kind: "object" }): string | null {
  const spec = root.members.find(({ key }) => key === "#spec")?.value;
  return spec?.kind === "scalar" && typeof spec.value === "string" ? spec.value : null;
}

const refused = ({ faults, faultsBeyond }: Findings): Result<never, StateError> =>
  err({ kind: "refused", faults, more: faultsBeyond });

/** A disk may be missing on one device and there on another, so it stops only the volume that wants it (reference 2.4). */
function warnOfDisks({ disks, volumes }: Device, containers: readonly Container[], findings: Findings): void {
  const known = new Set(disks.flatMap(({ name, aliases }) => [name, ...aliases]));
  const wanted = [
    { key: "device.json", step: "volumes", storage: volumes },
    ...containers.map(({ name, storage }) => ({ key: `${name}/run.json`, step: "storage", storage })),
  ];
  for (const { key, step, storage } of wanted) {
    for (const { name, disk } of storage) {
      if (disk === null || known.has(disk)) continue;
      findings.warn(
        place(key, step, name, "disk"),
        `${shown(disk)} is no disk of the state: the volume will not mount`,
      );
    }
  }
}
