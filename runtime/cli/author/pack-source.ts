import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, extname, join } from "node:path";
import {
  explainImage,
  flattenImage,
  type Image,
  openImage,
  type Platform,
  parsePlatform,
  parseSource,
} from "../../author/image/index.ts";
import {
  compressors,
  explainPack,
  type Format,
  formats,
  guardWithVerity,
  type Packed,
  pack,
  type VerityMade,
} from "../../author/pack/index.ts";
import { realDisk } from "../../store/index.ts";
import { EXIT_USAGE, type Out } from "../command.ts";
import { sizeText } from "../size.ts";
import { printable } from "../table.ts";
import { EXIT_INTERRUPTED } from "./interrupt.ts";

export interface PackWish {
  readonly source: string;
  readonly output: string | null;
  readonly format: string | null;
  readonly compression: string | null;
  readonly verity: boolean;
  readonly platform: string | null;
  readonly "keep-times": boolean;
  readonly ca: string | null;
  readonly insecure: boolean;
  readonly user: string | null;
  readonly json: boolean;
}

const IDLE_MS = 60_000;
const PAUSE_MS = 1_000;

/** Does it; ends with the exit code. */
export async function packSource(wish: PackWish, out: Out, signal: AbortSignal): Promise<number> {
  const wrong = (why: string): number => {
    out.complain(`cairn pack: ${why}`);
    return EXIT_USAGE;
  };
  const source = parseSource(wish.source);
  if (typeof source === "string") return wrong(source);
  if (wish.output === null) return wrong("-o FILE says what to write");
  const format = formatOf(wish.output, wish.format);
  if (format === null) return wrong(`--format is ${formats.join(" or ")}, and a device goes by the file's name`);
  const compressor = compressors.find((one) => one === (wish.compression ?? "xz"));
  if (compressor === undefined || (wish.compression !== null && format === "erofs")) {
    return wrong(`--compression is for squashfs: ${compressors.join(", ")}`);
  }
  const platforms = (wish.platform ?? "")
    .split(",")
    .filter((one) => one !== "")
    .map(parsePlatform);
  if (!platforms.every((one): one is Platform => one !== null))
    return wrong("--platform is like linux/arm64 or linux/arm/v7");
  const password = process.env["CAIRN_REGISTRY_PASSWORD"];
  if (wish.user !== null && password === undefined)
    return wrong("--user wants CAIRN_REGISTRY_PASSWORD in the environment");
  const failed = (why: string): number => {
    out.complain(`${why}; nothing was written`);
    return 1;
  };
  let ca: string | null = null;
  try {
    ca = wish.ca === null ? null : await readFile(wish.ca, "utf8");
  } catch (error) {
    return failed(`${wish.ca}: ${(error as NodeJS.ErrnoException).code}`);
  }
  const show = (line: string): void => out.progress?.(line);
  // Not /tmp, which is in memory on many machines.
  const place = process.env["TMPDIR"] ?? "/var/tmp";
  const scratchFolder = await mkdtemp(join(place, "cairn-")).catch(() => null);
  if (scratchFolder === null) return failed(`${place}: no temporary files there, TMPDIR names another place`);
  try {
    const login = wish.user === null || password === undefined ? null : { user: wish.user, password };
    const cacheFolder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "cairn/blobs/sha256");
    const report = (done: number, of: number): void => show(`fetching ${sizeText(done)} of ${sizeText(of)}`);
    const registry = { ca, insecure: wish.insecure, login, idleMs: IDLE_MS, pauseMs: PAUSE_MS, cacheFolder, report };
    const image = await openImage(source, { ...registry, platforms, scratchFolder, signal });
    if (!image.ok) return failed(printable(explainImage(image.error)));
    try {
      const unpacking = {
        scratchFolder,
        keepTimes: wish["keep-times"],
        signal,
        report: (bytes: number) => show(`unpacking ${sizeText(bytes)}`),
      };
      const tree = await flattenImage(image.value, unpacking);
      if (!tree.ok) return failed(printable(explainImage(tree.error)));
      for (const remark of [...image.value.remarks, ...droppedRemarks(tree.value.dropped)])
        out.complain(printable(remark));
      const packed = await pack(realDisk, tree.value, {
        output: wish.output,
        format,
        compressor,
        keepTimes: wish["keep-times"],
        scratchFolder,
        signal,
        report: ({ phase, done, of }) => show(phase === "collect" ? `collecting ${done} of ${of}` : "compressing"),
      }).finally(() => tree.value.close());
      if (!packed.ok) {
        signal.throwIfAborted();
        return failed(explainPack(packed.error));
      }
      const verity = wish.verity ? await guardWithVerity(realDisk, wish.output, signal) : null;
      if (verity?.ok === false) {
        out.complain(`${explainPack(verity.error)}; ${wish.output} was written, its hash tree was not`);
        return signal.aborted ? EXIT_INTERRUPTED : 1;
      }
      out.print(
        wish.json
          ? asJson(wish.output, image.value, packed.value, verity?.value ?? null)
          : asText(wish.output, packed.value, verity?.value ?? null),
      );
      return 0;
    } finally {
      await image.value.close();
    }
  } finally {
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

/** A device mounts a volume by the extension of its name, so name and format must not contradict each other. */
function formatOf(output: string, wanted: string | null): Format | null {
  const named = formats.find((one) => extname(basename(output)) === `.${one}`);
  const format = wanted === null ? (named ?? "erofs") : formats.find((one) => one === wanted);
  return format === undefined || (named !== undefined && named !== format) ? null : format;
}

const droppedRemarks = (dropped: ReadonlyMap<string, number>): readonly string[] =>
  [...dropped].map(
    ([name, count]) => `extended attribute ${name} was left out, of ${count} files: no device could use it`,
  );

const asText = (output: string, { digest, sizeBytes }: Packed, verity: VerityMade | null): string =>
  [
    `${output}: ${sizeText(sizeBytes)}, sha256 ${digest}`,
    ...(verity === null ? [] : [`${verity.hashPath}, ${verity.manifestPath}: root hash ${verity.manifest.root_hash}`]),
  ].join("\n");

const asJson = (
  output: string,
  { digest, platform, config }: Image,
  packed: Packed,
  verity: VerityMade | null,
): string =>
  JSON.stringify({
    path: output,
    sizeBytes: packed.sizeBytes,
    sha256: packed.digest,
    dockerDigest: digest,
    platform,
    config: config === null ? null : { ...config, raw: undefined },
    verity: verity?.manifest ?? null,
  });
