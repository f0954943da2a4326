import { type Digest, parseDigest } from "../../../state/index.ts";

/** An image in a registry. */
export interface RegistryReference {
  /** `host[:port]` as it is contacted. */
  readonly host: string;
  readonly repository: string;
  readonly tag: string | null;
  /** Of a manifest or an index. With it the tag is only a word. */
  readonly digest: Digest | null;
  /** Without tag and digest, as `docker pull` would print it. */
  readonly name: string;
}

/** Where a root file system comes from. */
export type Source =
  | { readonly kind: "registry"; readonly reference: RegistryReference }
  /** An OCI layout folder, or an archive of one or by `docker save`; `image` is a tag or name in it. */
  | { readonly kind: "image"; readonly path: string; readonly image: string | null }
  | { readonly kind: "rootfs"; readonly path: string }
  /** A folder or an archive; what it is shows when it is looked at. */
  | { readonly kind: "path"; readonly path: string };

/** Grammar of the reference library of distribution: path components, tag. */
const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const NAME_CHARS_MAX = 255;

const DOCKER_HUB = "docker.io";
/** The hub's name and the machine that answers for it differ (distribution, "normalize"). */
const DOCKER_HUB_HOST = "registry-1.docker.io";

/** `[host[:port]/]repository[:tag][@sha256:…]`; a text says what is wrong. */
export function parseReference(text: string): RegistryReference | string {
  const [rest = "", pinned, ...more] = text.split("@");
  const digest = pinned === undefined ? null : parseDigest(pinned.replace(/^sha256:/, ""));
  if (more.length > 0 || (pinned !== undefined && (digest === null || !pinned.startsWith("sha256:")))) {
    return `"${text}" is pinned by something that is not sha256: and 64 digits`;
  }
  const colon = rest.lastIndexOf(":");
  const hasTag = colon > rest.lastIndexOf("/"); // a port's colon stands before a slash
  const tag = hasTag ? rest.slice(colon + 1) : null;
  if (tag !== null && !TAG.test(tag)) return `"${tag}" is no tag`;
  const path = hasTag ? rest.slice(0, colon) : rest;
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(slash, 0));
  const named = first === "localhost" || /[.:[]/.test(first);
  const host = named ? first : DOCKER_HUB;
  const given = named ? path.slice(slash + 1) : path;
  const repository = host === DOCKER_HUB && !given.includes("/") ? `library/${given}` : given;
  if (!HOST.test(host)) return `"${host}" is no name of a host`;
  if (!REPOSITORY.test(repository) || repository.length > NAME_CHARS_MAX)
    return `"${given}" is no name of a repository`;
  const name = `${host}/${repository}`;
  return {
    host: host === DOCKER_HUB ? DOCKER_HUB_HOST : host,
    repository,
    tag: tag ?? (digest === null ? "latest" : null),
    digest,
    name,
  };
}

/**
 * A source as a user writes it: `docker://[host/]name[:tag][@digest]`, `oci:PATH[:TAG]`, `docker-archive:PATH[:NAME:TAG]`,
 * `oci-archive:PATH[:TAG]`, `rootfs:PATH`, or a path of a layout, an archive, a root file system. A text says what is wrong.
 */
export function parseSource(text: string): Source | string {
  if (text.startsWith("docker://")) {
    const reference = parseReference(text.slice("docker://".length));
    return typeof reference === "string" ? reference : { kind: "registry", reference };
  }
  const rootfs = /^rootfs:(.+)$/s.exec(text)?.[1];
  if (rootfs !== undefined) return { kind: "rootfs", path: rootfs };
  const [, rest] = /^(?:oci|docker-archive|oci-archive):(.+)$/s.exec(text) ?? [];
  if (rest !== undefined) {
    const [, path = rest, image] = /^([^:]+)(?::(.+))?$/s.exec(rest) ?? [];
    return { kind: "image", path, image: image ?? null };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(text))
    return `"${text}" is of a kind that is not read: docker://…, oci:PATH, docker-archive:PATH, or a path`;
  return text === "" ? "a source is needed" : { kind: "path", path: text };
}
