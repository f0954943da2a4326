import * as v from "valibot";
import { type Document, inlineJson } from "./document.ts";
import { place, shown } from "./fault.ts";
import type { Bsp, VolumeRef } from "./model.ts";
import { componentFault } from "./names.ts";
import { list, object, shaped, text } from "./shape.ts";
import { parseVerity, parseVolume } from "./volumes.ts";

const KEY = "bsp/run.json";

/** A file directly in `bsp/`. Tools write "" for parts that are not there. */
const file = v.exactOptional(
  v.pipe(
    v.string(),
    v.check((name) => name === "" || componentFault(name) === null, 'the name of a file directly in "bsp"'),
  ),
  "",
);

const BspShape = object({
  fit: file,
  rpiab: file,
  linux: file,
  initrd: file,
  fdt: file,
  rootfs: file,
  firmware: v.exactOptional(text, ""),
  addons: v.exactOptional(list(file), []),
  initrd_config: v.exactOptional(v.string(), ""),
});

/** `bsp/run.json` (reference 1.4); null when the state has none. */
export function parseBsp(document: Document): Bsp | null {
  const { findings } = document;
  const value = inlineJson(document, KEY);
  const shape = value === undefined ? null : shaped(BspShape, value, findings, KEY);
  if (shape === null) return null;
  const { fit, rpiab, linux, initrd, fdt, rootfs, firmware } = shape;
  if (fit === "" && rpiab === "" && (linux === "" || initrd === "")) {
    findings.refuse("incomplete", KEY, "no complete set of boot files", "fit, or rpiab, or both linux and initrd");
  }
  const addons = shape.addons.filter((name) => name !== "");
  for (const [name, named] of Object.entries({ fit, rpiab, linux, initrd, fdt, rootfs }))
    checkFile(named, document, name);
  for (const [at, addon] of addons.entries()) checkFile(addon, document, "addons", at);
  if (shape.initrd_config !== "") findings.warn(place(KEY, "initrd_config"), "ignored: it has no effect");
  const modules = parseModules(shape, document);
  const firmwareRef = firmware === "" ? null : parseVolume(firmware, "bsp", place(KEY, "firmware"), document);
  return {
    fit: fit || null,
    rpiab: rpiab || null,
    linux: linux || null,
    initrd: initrd || null,
    fdt: fdt || null,
    rootfs: rootfs || null,
    modules,
    firmware: firmwareRef,
    verity: parseVerity([...modules.values(), ...(firmwareRef === null ? [] : [firmwareRef])], "bsp", document),
    addons,
  };
}

function checkFile(name: string, { tree, findings }: Document, ...steps: readonly (string | number)[]): void {
  if (name === "" || tree.has(`bsp/${name}`)) return;
  findings.refuse(
    "file",
    place(KEY, ...steps),
    `${shown(name)}, but no key ${shown(`bsp/${name}`)}`,
    "a file of the state",
  );
}

/** `modules` and `modules_<kernel release>`. */
function parseModules(shape: { readonly [name: string]: unknown }, document: Document): ReadonlyMap<string, VolumeRef> {
  const modules = new Map<string, VolumeRef>();
  for (const [name, value] of Object.entries(shape)) {
    if (name !== "modules" && !name.startsWith("modules_")) continue;
    const written = shaped(text, value, document.findings, KEY, name);
    const ref = written === null || written === "" ? null : parseVolume(written, "bsp", place(KEY, name), document);
    if (ref !== null) modules.set(name.slice("modules_".length), ref);
  }
  return modules;
}
