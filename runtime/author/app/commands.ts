/** What `cairn app add`, `update` and `install` do (reference authoring 2.2 to 2.6). */
import { err, invariant, ok, type Result } from "../../result.ts";
import { type ContainerName, parseContainerName } from "../../state/index.ts";
import { type AppChange, type AppPorts, compose, digestFile, rootImage } from "./compose.ts";
import { type Device, readDevice, readText } from "./device.ts";
import type { AppError } from "./error.ts";
import { takePart } from "./from-part.ts";
import { alone, openSource, requireRepository } from "./list.ts";
import type { Image, ImagePlace, ImageRequest } from "./ports.ts";
import { imageReference, isOnThisMachine, parseImageName } from "./reference.ts";
import { type Wishes, withWishes } from "./requests.ts";
import { effectiveConfig, resolveUser, type Source, toSource } from "./template/index.ts";

export interface Origin {
  readonly type: "docker" | "rootfs" | "pvr";
  readonly from: string;
  readonly places: readonly ImagePlace[];
  readonly platform: string | null;
}

export type Login = ImageRequest["login"];

export interface AddRequest {
  readonly name: string;
  readonly origin: Origin;
  readonly login: Login;
  readonly wishes: Wishes;
}

/** A new container. The folder may be there, with files of its author's; a `src.json` may not. */
export const addApp = (ports: AppPorts, root: string, request: AddRequest): Promise<Result<AppChange, AppError>> =>
  alone(root, () => add(ports, root, request));

async function add(ports: AppPorts, root: string, request: AddRequest): Promise<Result<AppChange, AppError>> {
  const ready = await begin(ports, root, request.name);
  if (!ready.ok) return ready;
  const { name, device } = ready.value;
  const there = await readText(ports.disk, `${root}/${name}/src.json`);
  if (!there.ok) return there;
  if (there.value !== null) return err({ kind: "exists", name });
  if (request.origin.type === "pvr") {
    const { wishes, origin } = request;
    return takePart(ports, root, { name, device, from: origin.from, wishes, before: null });
  }
  const empty = toSource({});
  if (!empty.ok) return err({ kind: "source", name, error: empty.error });
  const source = withOrigin(withWishes(empty.value, request.wishes), request.origin);
  return fetched(ports, root, { name, device, source, origin: request.origin, login: request.login, anew: true });
}

export interface UpdateRequest {
  readonly name: string;
  /** Absent members: as `src.json` has it. */
  readonly from: string | null;
  readonly places: readonly ImagePlace[] | null;
  readonly platform: string | null;
  readonly login: Login;
  readonly wishes: Wishes;
}

/** Asks for the image by its name again, and makes the container anew. */
export const updateApp = (
  ports: AppPorts,
  root: string,
  request: UpdateRequest,
): Promise<Result<AppChange, AppError>> => alone(root, () => update(ports, root, request));

async function update(ports: AppPorts, root: string, request: UpdateRequest): Promise<Result<AppChange, AppError>> {
  const ready = await begin(ports, root, request.name);
  if (!ready.ok) return ready;
  const { name, device } = ready.value;
  const read = await openSource(ports.disk, root, name);
  if (!read.ok) return read;
  const origin = originOf(name, read.value, request);
  if (!origin.ok) return origin;
  if (origin.value.type === "pvr") {
    const { wishes } = request;
    return takePart(ports, root, { name, device, from: origin.value.from, wishes, before: read.value });
  }
  const wished = withOrigin(withWishes(read.value, request.wishes), origin.value);
  return fetched(ports, root, { name, device, source: wished, origin: origin.value, login: request.login, anew: true });
}

/** Makes the container again from its `src.json`, and its root too where that is missing or another image's. */
export const installApp = (
  ports: AppPorts,
  root: string,
  named: string,
  login: Login = null,
): Promise<Result<AppChange, AppError>> => alone(root, () => install(ports, root, named, login));

async function install(
  ports: AppPorts,
  root: string,
  named: string,
  login: Login,
): Promise<Result<AppChange, AppError>> {
  const ready = await begin(ports, root, named);
  if (!ready.ok) return ready;
  const { name, device } = ready.value;
  const read = await openSource(ports.disk, root, name);
  if (!read.ok) return read;
  const source = withWishes(read.value, {});
  const current = await isCurrent(ports, root, name, source);
  if (!current.ok) return current;
  if (current.value) return compose(ports, root, device, { name, source, image: null });
  const origin = originOf(name, source, { from: null, places: null, platform: null });
  if (!origin.ok) return origin;
  if (origin.value.type === "pvr")
    return takePart(ports, root, { name, device, from: origin.value.from, wishes: {}, before: source });
  const pinned = source.docker_digest ?? "";
  // Exactly the image that is written there, and not what its name stands for by now.
  const exact = origin.value.type === "docker" && pinned.includes("@") && !isOnThisMachine(origin.value.from);
  const from = exact ? pinned : origin.value.from;
  return fetched(ports, root, { name, device, source, origin: { ...origin.value, from }, login, anew: false });
}

async function begin(
  { disk }: AppPorts,
  root: string,
  named: string,
): Promise<Result<{ readonly name: ContainerName; readonly device: Device }, AppError>> {
  const name = parseContainerName(named);
  if (name === null) return err({ kind: "name", name: named });
  const repository = await requireRepository(disk, root);
  if (!repository.ok) return repository;
  const device = await readDevice(disk, root);
  return device.ok ? ok({ name, device: device.value }) : device;
}

function withOrigin(source: Source, { type, from, places, platform }: Origin): Source {
  if (type === "rootfs") return { ...source, rootfs_url: from };
  const { name, tag } = parseImageName(from);
  return {
    ...source,
    docker_name: name,
    docker_tag: tag,
    docker_source: places.join(","),
    ...(platform === null ? {} : { docker_platform: platform }),
  };
}

function originOf(
  name: string,
  source: Source,
  { from, places, platform }: Pick<UpdateRequest, "from" | "places" | "platform">,
): Result<Origin, AppError> {
  const { docker_name = "", docker_tag = "latest", rootfs_url = "", pvr = "" } = source;
  const written = (source.docker_source ?? "")
    .split(",")
    .filter((one): one is ImagePlace => one === "remote" || one === "local");
  const common = {
    places: places ?? (written.length > 0 ? written : (["remote", "local"] as const)),
    platform: platform ?? ((source.docker_platform ?? "") === "" ? null : (source.docker_platform ?? null)),
  };
  if (pvr !== "") return ok({ ...common, type: "pvr", from: from ?? pvr });
  if ((source.base ?? "") !== "" || (source.docker_ovl_digest ?? "") !== "")
    return err({ kind: "unsupported", name, what: "an overlay over another image (patch and base mode)" });
  if (rootfs_url !== "") return ok({ ...common, type: "rootfs", from: from ?? rootfs_url });
  if (docker_name !== "" || from !== null)
    return ok({ ...common, type: "docker", from: from ?? imageReference({ name: docker_name, tag: docker_tag }) });
  return err({ kind: "noSource", name });
}

/** Is the root that is there the one that `src.json` speaks of? */
async function isCurrent(
  { disk }: AppPorts,
  root: string,
  name: string,
  source: Source,
): Promise<Result<boolean, AppError>> {
  const digest = await readText(disk, `${root}/${name}/${digestFile(source)}`);
  if (!digest.ok) return digest;
  const image = await disk.stat("author/app", `${root}/${name}/${rootImage(source)}`);
  if (!image.ok && image.error.kind !== "missing") return err({ kind: "disk", error: image.error });
  const wanted = (source.rootfs_url ?? "") === "" ? source.docker_digest : source.rootfs_digest;
  return ok(image.ok && digest.value !== null && digest.value === wanted);
}

interface Fetch {
  readonly name: ContainerName;
  readonly device: Device;
  readonly source: Source;
  readonly origin: Origin;
  readonly login: Login;
  /** Write down what the image says of itself? Otherwise only its root is wanted. */
  readonly anew: boolean;
}

/** Of an image or a root file system; parts have their own way. */
async function fetched(
  ports: AppPorts,
  root: string,
  { name, device, source, origin, login, anew }: Fetch,
): Promise<Result<AppChange, AppError>> {
  const { type, from, places, platform } = origin;
  invariant(type !== "pvr", "a part is no image");
  const platforms = platform === null ? device.platforms : [platform];
  const opened = await ports.images.open({ type, from, places, platforms, login });
  if (!opened.ok) return err({ kind: "image", from, why: opened.error });
  const image = opened.value;
  try {
    const wanted = digestPart(source.docker_digest ?? "");
    if (!anew && type === "docker" && wanted !== "" && digestPart(image.digest) !== wanted)
      return err({ kind: "otherImage", name, from, found: image.digest, wanted: source.docker_digest ?? "" });
    const described = await describe(name, from, anew ? withImage(source, image) : source, image);
    if (!described.ok) return described;
    const current = type === "docker" ? await isCurrent(ports, root, name, described.value) : ok(false);
    if (!current.ok) return current;
    return await compose(ports, root, device, { name, source: described.value, image: current.value ? null : image });
  } finally {
    await image.close();
  }
}

/** Names of one image differ by who writes them: `nginx` is `docker.io/library/nginx`. */
const digestPart = (digest: string): string => digest.slice(digest.indexOf("sha256:"));

const withImage = (source: Source, image: Image): Source => ({
  ...source,
  ...(image.digest === "" ? {} : { docker_digest: image.digest }),
  ...(Object.keys(image.config).length === 0 ? {} : { docker_config: image.config }),
});

/** Looks the image's user up, as only the image can say what its names mean. */
async function describe(name: string, from: string, source: Source, image: Image): Promise<Result<Source, AppError>> {
  const { User: user = "" } = effectiveConfig(source);
  const { image_user: _, ...rest } = source;
  if (typeof user !== "string" || user === "") return ok(rest);
  const accounts = await image.accounts();
  if (!accounts.ok) return err({ kind: "image", from, why: accounts.error });
  const resolved = resolveUser(user, accounts.value);
  if (!resolved.ok) return err({ kind: "template", name, faults: [resolved.error] });
  const { groups, ...ids } = resolved.value;
  return ok({ ...rest, image_user: { ...ids, groups: [...groups] } });
}
