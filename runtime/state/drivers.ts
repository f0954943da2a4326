import { type Document, inlineJson } from "./document.ts";
import { place } from "./fault.ts";
import type { DriverAliases, Json } from "./model.ts";
import { list, membersOf, nonEmpty, shaped } from "./shape.ts";

const KEY = "bsp/drivers.json";
const SECTION = /^(?:all$|fitconfig:|dtb:|ovl:)/;

/** `bsp/drivers.json` (reference 1.8); an empty map when the state has none. */
export function parseDrivers(document: Document): DriverAliases {
  const { findings } = document;
  const sections = membersOf(inlineJson(document, KEY), findings, KEY).filter(([name]) => {
    if (name !== "#spec" && !SECTION.test(name))
      findings.warn(place(KEY, name), "ignored: wanted all, fitconfig:…, dtb:… or ovl:…");
    return SECTION.test(name);
  });
  return new Map(sections.map(([name, value]) => [name, parseSection(name, value, document)]));
}

function parseSection(section: string, value: Json, { findings }: Document): ReadonlyMap<string, readonly string[]> {
  const aliases = membersOf(value, findings, KEY, section);
  return new Map(
    aliases.map(([alias, lines]) => [alias, shaped(list(nonEmpty), lines, findings, KEY, section, alias) ?? []]),
  );
}
