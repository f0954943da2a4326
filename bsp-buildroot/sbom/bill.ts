import { ComponentType, ExternalReferenceType, HashAlgorithm } from "@cyclonedx/cyclonedx-library/Enums";
import { Bom, Component, ExternalReference, HashDictionary, Property, Tool } from "@cyclonedx/cyclonedx-library/Models";
import { JSON as AsJson, JsonSerializer } from "@cyclonedx/cyclonedx-library/Serialize";
import { Spec1dot6 } from "@cyclonedx/cyclonedx-library/Spec";
import type { CPE } from "@cyclonedx/cyclonedx-library/Types";
import { licencesOf } from "./licences.ts";
import {
  addressOf,
  type BuildrootPackage,
  type FileHash,
  hashOfIntegrity,
  type NpmPackage,
  npmName,
  npmPackages,
  type PackageLock,
  type ShowInfo,
} from "./sources.ts";

export interface Image {
  /** Name of the defconfig without "cairn_" and "_defconfig". */
  readonly board: string;
  /** Version of Cairn, which is that of the image. */
  readonly version: string;
  /** Buildroot's release. */
  readonly buildroot: string;
  /** The package of npm with the Bun that the program is made with. */
  readonly bun: string;
  readonly packages: ShowInfo;
  readonly lock: PackageLock;
  /** What a package's hash files say of one of its sources. */
  hashesOf(of: BuildrootPackage, source: string): readonly FileHash[];
}

const algorithms: Readonly<Record<string, HashAlgorithm>> = {
  md5: HashAlgorithm.MD5,
  sha1: HashAlgorithm["SHA-1"],
  sha256: HashAlgorithm["SHA-256"],
  sha384: HashAlgorithm["SHA-384"],
  sha512: HashAlgorithm["SHA-512"],
};

const hashed = (hashes: readonly FileHash[]): HashDictionary =>
  new HashDictionary(
    hashes.flatMap(({ kind, hex }) => {
      const algorithm = algorithms[kind];
      return algorithm === undefined ? [] : [[algorithm, hex] as const];
    }),
  );

/** One of Buildroot's packages for the target. What makes the image on the builder's machine is not in it. */
function buildrootComponent(name: string, of: BuildrootPackage, image: Image): Component {
  const kind =
    name === "linux"
      ? ComponentType.OperatingSystem
      : name === "cairn"
        ? ComponentType.Application
        : ComponentType.Library;
  const component = new Component(kind, name, { bomRef: `buildroot:${name}`, version: of.version });
  component.purl = `pkg:generic/${encodeURIComponent(name)}${of.version === "" ? "" : `@${encodeURIComponent(of.version)}`}`;
  if (of["cpe-id"] !== undefined) component.cpe = of["cpe-id"] as CPE;
  for (const licence of licencesOf(of.licenses)) component.licenses.add(licence);
  for (const download of of.downloads) {
    const address = addressOf(download);
    if (address === null) continue;
    const hashes = hashed(image.hashesOf(of, download.source));
    component.externalReferences.add(
      new ExternalReference(address, ExternalReferenceType.SourceDistribution, { hashes }),
    );
  }
  return component;
}

function npmComponent(place: string, of: NpmPackage): Component {
  const name = npmName(place);
  const purl = `pkg:npm/${name.replace("@", "%40")}@${encodeURIComponent(of.version)}`;
  const component = new Component(ComponentType.Library, name, { bomRef: purl, purl, version: of.version });
  for (const licence of licencesOf(of.license ?? "unknown")) component.licenses.add(licence);
  const hash = hashOfIntegrity(of.integrity);
  if (hash !== null) component.hashes = hashed([hash]);
  return component;
}

/** The packages that `name` wants and that are in the image; what is virtual stands for what it wants itself. */
function wantedOf(name: string, packages: ShowInfo, seen = new Set<string>()): readonly string[] {
  return (packages[name]?.dependencies ?? []).flatMap((wanted) => {
    if (seen.has(wanted)) return [];
    seen.add(wanted);
    const entry = packages[wanted];
    if (entry?.type !== "target") return [];
    return entry.virtual ? wantedOf(wanted, packages, seen) : [wanted];
  });
}

/** What an image is made of, as CycloneDX 1.6 in JSON. The same image gives the same bytes: there is no date and no serial number. */
export function billOfMaterials(image: Image): string {
  const { packages, lock } = image;
  const bom = new Bom();
  bom.metadata.tools.tools.add(new Tool({ vendor: "Cairn", name: "bsp-buildroot/sbom.ts", version: image.version }));
  const whole = new Component(ComponentType.Firmware, `cairn-${image.board}`, {
    bomRef: "image",
    version: image.version,
  });
  whole.properties.add(new Property("cairn:buildroot", image.buildroot));
  bom.metadata.component = whole;

  const parts = new Map<string, Component>();
  for (const [name, of] of Object.entries(packages))
    if (of.type === "target" && !of.virtual) parts.set(name, buildrootComponent(name, of, image));
  for (const [name, component] of parts) {
    whole.dependencies.add(component.bomRef);
    for (const wanted of wantedOf(name, packages)) {
      const other = parts.get(wanted);
      if (other !== undefined) component.dependencies.add(other.bomRef);
    }
    bom.components.add(component);
  }
  const cairn = parts.get("cairn");
  if (cairn === undefined) throw new Error("the image has no package cairn");
  const bun = lock.packages[`node_modules/${image.bun}`];
  if (bun === undefined) throw new Error(`package-lock.json does not pin ${image.bun}`);
  for (const [place, of] of [...npmPackages(lock), [`node_modules/${image.bun}`, bun] as const]) {
    const component = npmComponent(place, of);
    cairn.dependencies.add(component.bomRef);
    bom.components.add(component);
  }
  const normalizers = new AsJson.Normalize.Factory(Spec1dot6);
  return `${new JsonSerializer(normalizers).serialize(bom, { sortLists: true, space: 2 })}\n`;
}
