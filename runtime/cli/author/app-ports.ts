/** Where `cairn app` gets images from, and by what it packs and guards them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { AppPorts, Format, Image, ImageRequest, Packed } from "../../author/app/index.ts";
import { isOnThisMachine } from "../../author/app/index.ts";
import {
  explainImage,
  type FlatTree,
  flattenImage,
  type Image as LayeredImage,
  openImage,
  type Platform,
  parsePlatform,
  parseSource,
  type Source,
} from "../../author/image/index.ts";
import { type Compressor, compressors, explainPack, guardWithVerity, pack } from "../../author/pack/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Json } from "../../state/index.ts";
import { realDisk } from "../../store/index.ts";
import { sizeText } from "../size.ts";
import { openParts } from "./app-parts.ts";

export interface PortOptions {
  readonly signal: AbortSignal;
  /** PEM file: who may have signed the registry's certificate. */
  readonly ca: string | null;
  readonly insecure: boolean;
  readonly show: (line: string) => void;
}

const IDLE_MS = 60_000;
const PAUSE_MS = 1_000;
/** /etc/passwd and /etc/group of an image. */
const ACCOUNTS_BYTES_MAX = 1 << 20;

export function openPorts(options: PortOptions): AppPorts {
  return {
    disk: realDisk,
    parts: openParts(options.signal),
    images: { open: (request) => open(request, options) },
    verity: {
      async guard(image) {
        const made = await guardWithVerity(realDisk, image, options.signal);
        return made.ok ? ok(undefined) : err(explainPack(made.error));
      },
    },
  };
}

async function open(request: ImageRequest, options: PortOptions): Promise<Result<Image, string>> {
  const source = sourceOf(request);
  if (typeof source === "string") return err(source);
  const platforms = request.platforms.map(parsePlatform);
  if (!platforms.every((one): one is Platform => one !== null))
    return err(`a platform is like linux/arm64 or linux/arm/v7, not ${request.platforms.join(", ")}`);
  const ca = options.ca === null ? ok(null) : await readCa(options.ca);
  if (!ca.ok) return ca;
  const { signal, insecure, show } = options;
  const scratchFolder = await mkdtemp(join(process.env["TMPDIR"] ?? "/var/tmp", "cairn-"));
  const clean = () => rm(scratchFolder, { recursive: true, force: true });
  try {
    const opened = await openImage(source, {
      ca: ca.value,
      insecure,
      login: request.login,
      idleMs: IDLE_MS,
      pauseMs: PAUSE_MS,
      cacheFolder: join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "cairn/blobs/sha256"),
      report: (done, of) => show(`fetching ${sizeText(done)} of ${sizeText(of)}`),
      platforms,
      scratchFolder,
      signal,
    });
    if (opened.ok) return ok(imageOf(opened.value, scratchFolder, clean, options));
    await clean();
    return err(explainImage(opened.error));
  } catch (thrown) {
    await clean();
    throw thrown;
  }
}

/** A text says what is wrong. */
function sourceOf({ type, from, places }: ImageRequest): Source | string {
  if (type === "rootfs")
    return /^[a-z][a-z0-9+.-]*:\/\//.test(from)
      ? "only a folder or a file of this machine is read"
      : { kind: "rootfs", path: from };
  if (isOnThisMachine(from)) return parseSource(from);
  if (!places.includes("remote"))
    return 'images of an engine on this machine are not read: "docker save -o FILE" writes one to docker-archive:FILE';
  return parseSource(from.startsWith("docker://") ? from : `docker://${from}`);
}

async function readCa(path: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "code" in error) return err(`${path}: ${String(error.code)}`);
    throw error;
  }
}

/** Layers are laid over each other when they are first needed: an image that is still the same is not unpacked. */
function imageOf(
  image: LayeredImage,
  scratchFolder: string,
  clean: () => Promise<void>,
  { signal, show }: PortOptions,
): Image {
  let flat: FlatTree | null = null;
  const tree = async (): Promise<Result<FlatTree, string>> => {
    if (flat !== null) return ok(flat);
    const report = (bytes: number) => show(`unpacking ${sizeText(bytes)}`);
    const flattened = await flattenImage(image, { scratchFolder, keepTimes: false, signal, report });
    if (!flattened.ok) return err(explainImage(flattened.error));
    flat = flattened.value;
    return flattened;
  };
  return {
    digest: image.digest ?? "",
    config: membersOf(image.config?.raw),
    remarks: image.remarks,
    async accounts() {
      const found = await tree();
      return found.ok ? ok(await accountsIn(found.value)) : found;
    },
    async pack(path, format, options) {
      const found = await tree();
      return found.ok ? packTree(found.value, path, format, options, scratchFolder, { signal, show }) : found;
    },
    async close() {
      await flat?.close();
      await image.close();
      await clean();
    },
  };
}

/** What the image's reader has let through is JSON. */
const membersOf = (raw: unknown): Readonly<Record<string, Json>> =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw) ? (raw as Readonly<Record<string, Json>>) : {};

async function accountsIn(tree: FlatTree): Promise<{ passwd: string | null; group: string | null }> {
  const files = new Map<string, string>();
  for await (const entry of tree.entries()) {
    const wanted = entry.name === "etc/passwd" || entry.name === "etc/group";
    if (!wanted || entry.kind !== "file" || entry.sizeBytes > ACCOUNTS_BYTES_MAX) continue;
    const parts: Uint8Array[] = [];
    for await (const part of entry.bytes) parts.push(part);
    files.set(entry.name, Buffer.concat(parts).toString());
    if (files.size === 2) break;
  }
  return { passwd: files.get("etc/passwd") ?? null, group: files.get("etc/group") ?? null };
}

async function packTree(
  tree: FlatTree,
  output: string,
  format: Format,
  options: string | null,
  scratchFolder: string,
  { signal, show }: Pick<PortOptions, "signal" | "show">,
): Promise<Result<Packed, string>> {
  const compressor = compressorOf(format, options);
  if (compressor === null)
    return err(
      `format options "${options}": for squashfs -comp and one of ${compressors.join(", ")} are taken, for erofs none`,
    );
  const packed = await pack(realDisk, tree, {
    output,
    format,
    compressor,
    scratchFolder,
    signal,
    report: ({ phase, done, of }) => show(phase === "collect" ? `collecting ${done} of ${of}` : "compressing"),
  });
  if (!packed.ok) return err(explainPack(packed.error));
  const remarks = [...tree.dropped].map(
    ([name, count]) => `extended attribute ${name} was left out, of ${count} files: no device could use it`,
  );
  return ok({ digest: packed.value.digest, remarks });
}

/** `-comp xz`, as `pvr` has it in src.json (reference authoring 2.1). */
function compressorOf(format: Format, options: string | null): Compressor | null {
  if (options === null || options.trim() === "") return "xz";
  const [, wanted] = /^\s*-comp\s+(\S+)\s*$/.exec(options) ?? [];
  return format === "squashfs" ? (compressors.find((one) => one === wanted) ?? null) : null;
}
