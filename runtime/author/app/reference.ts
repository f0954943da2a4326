/** An image's name as `src.json` keeps it. */
export interface ImageName {
  readonly name: string;
  /** "": it has none, as an image of this machine. */
  readonly tag: string;
}

/** Layouts and archives on this machine, by path or by a word before it (containers-transports(5)); anything else is a registry's. */
const ON_THIS_MACHINE = /^(?:\.{0,2}\/|(?:oci|oci-archive|docker-archive):)/;

export const isOnThisMachine = (reference: string): boolean => ON_THIS_MACHINE.test(reference);

/**
 * Cuts `registry:5000/group/name:tag` or `…@sha256:…`: the tag is what stands behind a colon in the last component, and a port is none
 * (reference authoring 2.1 notes where `pvr` takes one for it). No tag is `latest`; a digest stays with the name.
 */
export function parseImageName(reference: string): ImageName {
  if (isOnThisMachine(reference)) return { name: reference, tag: "" };
  const [named = "", digest] = reference.replace(/^docker:\/\//, "").split("@");
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (digest !== undefined) return { name: `${name}@${digest}`, tag: "" };
  return { name, tag: colon < 0 ? "latest" : named.slice(colon + 1) };
}

/** What to ask for again. */
export const imageReference = ({ name, tag }: ImageName): string =>
  tag === "" || name.includes("@") || isOnThisMachine(name) ? name : `${name}:${tag}`;
