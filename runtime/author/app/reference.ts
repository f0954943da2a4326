/** An image's name as `src.json` keeps it. */
export interface ImageName {
  readonly name: string;
  readonly tag: string;
}

/**
 * Cuts `registry:5000/group/name:tag` or `…@sha256:…`: the tag is what stands behind a colon in the last component, and a port is none
 * (reference authoring 2.1 notes where `pvr` takes one for it). No tag is `latest`; a digest stays with the name.
 */
export function parseImageName(reference: string): ImageName {
  const at = reference.indexOf("@");
  const named = at < 0 ? reference : reference.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? "latest" : named.slice(colon + 1);
  return { name: at < 0 ? name : `${name}${reference.slice(at)}`, tag };
}

/** What to ask for again; a name with a digest has no tag. */
export const imageReference = ({ name, tag }: ImageName): string => (name.includes("@") ? name : `${name}:${tag}`);
