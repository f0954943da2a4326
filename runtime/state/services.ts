import * as v from "valibot";
import { type Document, inlineJson } from "./document.ts";
import { place, shown } from "./fault.ts";
import type { Container, ServiceExport, ServiceRequest } from "./model.ts";
import { isObject, list, nonEmpty, object, shaped } from "./shape.ts";

/** The bus that the runtime itself hosts (reference 14.1): always there to require, never to export. */
const HOSTED_BUS = "system-bus";

const optionalText = v.exactOptional(nonEmpty);

export const serviceRequest = v.union(
  [
    nonEmpty,
    object({ name: nonEmpty, type: optionalText, role: optionalText, interface: optionalText, target: optionalText }),
  ],
  "the name of a service, or an object with name",
);

export function toServiceRequest(written: v.InferOutput<typeof serviceRequest>): ServiceRequest {
  if (typeof written === "string") return { name: written, type: null, role: null, interface: null, target: null };
  const { name, type = null, role = null, interface: face = null, target = null } = written;
  return { name, type, role, interface: face, target };
}

const ExportShape = object({
  name: optionalText,
  type: v.picklist(["rest", "dbus", "unix", "drm", "wayland", "input"]),
  socket: optionalText,
  bus: optionalText,
  owns: optionalText,
  role: optionalText,
  allow: v.exactOptional(list(nonEmpty), []),
});
const Exports = list(ExportShape);

/** `<c>/services.json` (reference 1.9): `{"services":[…]}` or the bare array. */
export function parseServices(container: string, document: Document): readonly ServiceExport[] {
  const { findings } = document;
  const key = `${container}/services.json`;
  const value = inlineJson(document, key);
  if (value === undefined) return [];
  const wrapped = isObject(value);
  const steps = wrapped ? ["services"] : [];
  const items = shaped(Exports, wrapped ? (value["services"] ?? []) : value, findings, key, ...steps) ?? [];
  return items.map(({ name = null, type, socket = null, bus = null, owns = null, role = null, allow }, at) => {
    const path = place(key, ...steps, at);
    if (name === null && owns === null) findings.refuse("missing", path, "neither name nor owns", "one of them");
    if (name === HOSTED_BUS)
      findings.refuse("clash", path, `the name ${HOSTED_BUS}`, "another name: that is the runtime's own");
    return { name, type, socket, bus, owns, role, allow };
  });
}

/** What no single container can know: nobody owns a bus name twice, and what is required is exported by somebody (reference 2.7). */
export function checkServices(containers: readonly Container[], { findings }: Document): void {
  const exported = new Set<string>([HOSTED_BUS]);
  const owned = new Set<string>();
  for (const { name: container, exportedServices } of containers) {
    for (const { name, bus, owns } of exportedServices) {
      if (name !== null) exported.add(name);
      if (owns === null) continue;
      const busName = JSON.stringify([bus, owns]);
      if (owned.has(busName)) {
        findings.refuse(
          "clash",
          place(`${container}/services.json`),
          `${shown(owns)} on the bus ${shown(bus)} a second time`,
          "one owner",
        );
      }
      owned.add(busName);
    }
  }
  for (const { name: container, services } of containers) {
    for (const [at, { name }] of services.required.entries()) {
      if (exported.has(name)) continue;
      const path = place(`${container}/run.json`, "services", "required", at);
      findings.refuse(
        "unknown",
        path,
        `${shown(name)}, which no container exports`,
        "a service that a services.json of the state names",
      );
    }
  }
}
