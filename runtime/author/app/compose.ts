import { err, ok, type Result } from "../../result.ts";
import { type ContainerName, canonicalText, type Json } from "../../state/index.ts";
import type { Disk } from "../../store/index.ts";
import { type Device, readText, refusedByDevice } from "./device.ts";
import type { AppError } from "./error.ts";
import type { Format, Image, Images, Parts, Verity } from "./ports.ts";
import { CONFIG_FILE, type Container, makeContainer, type Source, sourceText } from "./template/index.ts";
import { filesIn, replaceFolder, type WorkFolder } from "./work-folder.ts";

export interface AppPorts {
  readonly disk: Disk;
  readonly images: Images;
  readonly verity: Verity;
  readonly parts: Parts;
}

/** What a command has made of a container's folder. */
export interface AppChange {
  readonly name: ContainerName;
  /** The digest text of the image, as its file beside the root has it. */
  readonly digest: string;
  /** Was the root packed again? */
  readonly packed: boolean;
  /** Files of the folder, sorted. */
  readonly files: readonly string[];
  /** What the author should know, one sentence each. */
  readonly remarks: readonly string[];
}

export interface Plan {
  readonly name: ContainerName;
  readonly source: Source;
  /** null: the root that is there stays. */
  readonly image: Image | null;
}

export const formatOf = ({ format = "squashfs" }: Source): Format => format;
export const rootImage = (source: Source): string => `root.${formatOf(source)}`;
const isRootfs = (source: Source): boolean => (source.rootfs_url ?? "") !== "";

/** Says which image a root was packed from; its text is the only thing that does. */
export const digestFile = (source: Source): string =>
  `${rootImage(source)}.${isRootfs(source) ? "rootfs" : "docker"}-digest`;

const verityFile = (image: string): string => `_dm/${image}.json`;

/** What belongs to a packed root, in either format. */
const ROOT_FILE = /^(root\.(squashfs|erofs)(\.hash|\.(docker|rootfs)-digest)?|_dm\/root\.(squashfs|erofs)\.json)$/;
const WRITTEN: ReadonlySet<string> = new Set(["run.json", "src.json", CONFIG_FILE]);

/** Makes the container's files, beside what else its folder has, and puts them in place in one step. */
export async function compose(
  { disk, verity }: AppPorts,
  root: string,
  device: Device,
  { name, source, image }: Plan,
): Promise<Result<AppChange, AppError>> {
  const container = checkedContainer(name, source, device);
  if (!container.ok) return container;

  const guarded = source.dm_enabled?.[rootImage(source)] === true;
  const tree = await disk.stat("author/app", `${root}/${name}/${verityFile(rootImage(source))}`);
  const replaced = (file: string): boolean => WRITTEN.has(file) || (image !== null && ROOT_FILE.test(file));

  return replaceFolder(disk, root, name, replaced, async (folder) => {
    const packed = image === null ? ok({ source, remarks: [] }) : await packRoot(folder, source, image);
    if (!packed.ok) return packed;
    if (guarded && (image !== null || !tree.ok)) {
      const made = await verity.guard(`${folder.path}/${rootImage(source)}`);
      if (!made.ok) return err({ kind: "image", from: rootImage(source), why: made.error });
    }
    const remarks = [...(image?.remarks ?? []), ...packed.value.remarks];
    return finish(
      folder,
      device,
      { name, source: packed.value.source, container: container.value, remarks },
      image !== null,
    );
  });
}

/** What the template makes of a source, in a group that the device has. */
export function checkedContainer(name: ContainerName, source: Source, device: Device): Result<Container, AppError> {
  const root = { image: rootImage(source), layer: `root.ovl.${formatOf(source)}` };
  const container = makeContainer({ name, source, root, groups: device.groups });
  if (!container.ok) return err({ kind: "template", name, faults: container.error });
  const group = groupOf(container.value);
  const known = group === null || device.groups.length === 0 || device.groups.includes(group);
  return known ? container : err({ kind: "group", name, group, groups: device.groups });
}

export interface Made {
  readonly name: ContainerName;
  readonly source: Source;
  /** null: what is in the folder stays as it is. */
  readonly container: Container | null;
  readonly remarks: readonly string[];
}

/** Writes the documents of a container beside its root, and tells what there is then. */
export async function finish(
  folder: WorkFolder,
  device: Device,
  { name, source, container, remarks }: Made,
  packed: boolean,
): Promise<Result<AppChange, AppError>> {
  const written = await writeDocuments(folder, container, source);
  if (!written.ok) return written;
  const files = await filesIn(folder.disk, folder.path);
  if (!files.ok) return files;
  const inline = await inlineOf(folder.disk, folder.path, files.value);
  if (!inline.ok) return inline;
  const refused = refusedByDevice(name, files.value, inline.value, device);
  return ok({
    name,
    digest: digestText(source),
    packed,
    files: files.value,
    remarks: [
      ...remarks,
      ...(container?.remarks ?? []),
      ...(refused === null ? [] : [`a device would not take it yet: ${refused}`]),
    ],
  });
}

const digestText = (source: Source): string => (isRootfs(source) ? source.rootfs_digest : source.docker_digest) ?? "";

function groupOf({ runJson }: Container): string | null {
  const members = runJson as Readonly<Record<string, Json>>;
  return typeof members["group"] === "string" ? members["group"] : null;
}

async function packRoot(
  folder: WorkFolder,
  source: Source,
  image: Image,
): Promise<Result<{ readonly source: Source; readonly remarks: readonly string[] }, AppError>> {
  const file = rootImage(source);
  const packed = await image.pack(`${folder.path}/${file}`, formatOf(source), source.format_options ?? null);
  if (!packed.ok) return err({ kind: "image", from: file, why: packed.error });
  const { digest, remarks } = packed.value;
  const known = isRootfs(source) ? { ...source, rootfs_digest: `sha256:${digest}` } : source;
  const written = await folder.write(digestFile(known), digestText(known));
  return written.ok ? ok({ source: known, remarks }) : written;
}

/** As a checkout lays JSON out (reference authoring 1.2). */
const LAYOUT_BLANKS = 4;

async function writeDocuments(
  folder: WorkFolder,
  container: Container | null,
  source: Source,
): Promise<Result<void, AppError>> {
  const { runJson = null, lxcConfig = null } = container ?? {};
  const texts = [
    ...(runJson === null ? [] : [["run.json", `${JSON.stringify(runJson, null, LAYOUT_BLANKS)}\n`] as const]),
    ...(lxcConfig === null ? [] : [[CONFIG_FILE, lxcConfig] as const]),
    ["src.json", sourceText(source)],
  ] as const;
  for (const [file, text] of texts) {
    const written = await folder.write(file, text);
    if (!written.ok) return written;
  }
  return ok(undefined);
}

/** Files that a commit takes as JSON. */
async function inlineOf(
  disk: Disk,
  folder: string,
  files: readonly string[],
): Promise<Result<ReadonlyMap<string, Json>, AppError>> {
  const inline = new Map<string, Json>();
  for (const file of files.filter((one) => one.endsWith(".json"))) {
    const text = await readText(disk, `${folder}/${file}`);
    if (!text.ok) return text;
    if (text.value !== null && canonicalText(text.value).ok) inline.set(file, JSON.parse(text.value));
  }
  return ok(inline);
}
