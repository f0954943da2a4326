import { constants, existsSync, mkdirSync, symlinkSync, unlinkSync } from "node:fs";
import { err, ok, type Result } from "../result.ts";
import { DM_FLAGS, type DmCall, type DmCommand, decodeDmDev, decodeDmNames, dmRequest, encodeDm } from "./dm-ioctl.ts";
import { refused, type SysError } from "./errno.ts";
import { makeNode } from "./fs.ts";
import { ioctl, readText, viaNode, withFd } from "./libc.ts";
import type { MalformedError } from "./malformed.ts";
import { isModuleLoaded, loadModule, readModuleIndex } from "./modules.ts";
import { type VerityParams, verityTable } from "./verity.ts";

const CONTROL = "/dev/mapper/control";
/** Major of misc character devices, among them device-mapper's control node (Documentation/admin-guide/devices.txt). */
const MISC_MAJOR = 10;
const LIST_BYTES = 64 * 1024;

/** devtmpfs makes the control node; without it, /proc/misc says which number it has. */
function ensureControl(): Result<void, SysError> {
  if (existsSync(CONTROL)) return ok(undefined);
  const misc = readText("/proc/misc");
  if (!misc.ok) return misc;
  const minor = /^\s*(\d+) device-mapper$/m.exec(misc.value)?.[1];
  if (minor === undefined) {
    return err(
      refused("open", { path: CONTROL }, "this kernel has no device-mapper (CONFIG_BLK_DEV_DM, or the module dm-mod)"),
    );
  }
  const folder = viaNode("mkdir", { path: "/dev/mapper" }, () => mkdirSync("/dev/mapper", { recursive: true }));
  if (!folder.ok) return folder;
  return makeNode(CONTROL, { type: "char", major: MISC_MAJOR, minor: Number(minor), mode: 0o600 });
}

/**
 * Where device-mapper is a module, nothing else makes the kernel load it: there is no control node yet that could be opened. Whether
 * it is there in the end shows in the commands that follow.
 */
function loadVerity(): void {
  if (isModuleLoaded("dm_verity")) return;
  const index = readModuleIndex();
  if (index.ok) loadModule(index.value, { module: "dm-verity" });
}

/** One command; gives the buffer as the kernel filled it. */
function command(cmd: DmCommand, call: DmCall): Result<Uint8Array, SysError> {
  const ready = ensureControl();
  if (!ready.ok) return ready;
  const bytes = encodeDm(call);
  const args = { name: call.name ?? "", params: call.target?.params ?? "" };
  const done = withFd(CONTROL, constants.O_RDWR, (fd) => ioctl(cmd, fd, dmRequest(cmd), bytes, args));
  return done.ok ? ok(bytes) : done;
}

export type VeritySpec = {
  /** Name of the mapping, up to 127 bytes of letters, digits and `# + - . : = @ _` (what libdevmapper does not escape). */
  readonly name: string;
  /** Block devices: attach image files to loop devices first. */
  readonly dataDevice: string;
  readonly hashDevice: string;
  readonly params: VerityParams;
};

/** Opens a read-only dm-verity mapping and gives its block device, "/dev/dm-<n>"; "/dev/mapper/<name>" leads there too. The
 *  root hash is checked by the kernel with each block that is read, not here: a wrong one shows as EIO, at the mount.
 *  Errors: EBUSY when the name is taken, EINVAL when the kernel lacks CONFIG_DM_VERITY or the devices are too small. */
export function openVerity(spec: VeritySpec): Result<string, SysError | MalformedError> {
  const { name, dataDevice, hashDevice, params } = spec;
  if (!/^[A-Za-z0-9#+.:=@_-]{1,127}$/.test(name) || name === "control" || /^\.+$/.test(name)) {
    return err(refused("DM_DEV_CREATE", { name }, "a mapping's name is 1 to 127 of A-Z a-z 0-9 # + - . : = @ _"));
  }
  const table = verityTable(dataDevice, hashDevice, params);
  if (!table.ok) return table;
  loadVerity();
  const created = command("DM_DEV_CREATE", { name });
  if (!created.ok) return created;
  const opened = activate(name, { ...table.value, type: "verity" });
  if (!opened.ok) command("DM_DEV_REMOVE", { name }); // it was ours and never in use; the first error is the one to tell
  return opened;
}

function activate(name: string, target: NonNullable<DmCall["target"]>): Result<string, SysError> {
  const loaded = command("DM_TABLE_LOAD", { name, target, flags: DM_FLAGS.readOnly });
  if (!loaded.ok) return loaded;
  const resumed = command("DM_DEV_SUSPEND", { name }); // without DM_SUSPEND_FLAG this resumes: the table becomes live
  if (!resumed.ok) return resumed;
  return ensureNodes(name, decodeDmDev(resumed.value));
}

/** What udev would do: a node of the device's number, and its name as a link. */
function ensureNodes(name: string, { major, minor }: { major: number; minor: number }): Result<string, SysError> {
  const path = `/dev/dm-${minor}`;
  const node = existsSync(path) ? ok(undefined) : makeNode(path, { type: "block", major, minor, mode: 0o600 });
  if (!node.ok && node.error.code !== "EEXIST") return node;
  const link = viaNode("symlink", { path: `/dev/mapper/${name}` }, () =>
    symlinkSync(`../dm-${minor}`, `/dev/mapper/${name}`),
  );
  return link.ok || link.error.code === "EEXIST" ? ok(path) : link;
}

/** Removes a mapping. With `deferred`, one that is still in use goes when its last user closes it; otherwise that is EBUSY.
 *  ENXIO: there is none of that name. */
export function closeVerity(name: string, { deferred = false } = {}): Result<void, SysError> {
  const removed = command("DM_DEV_REMOVE", { name, flags: deferred ? DM_FLAGS.deferredRemove : 0 });
  if (!removed.ok) return removed;
  const unlinked = viaNode("unlink", { path: `/dev/mapper/${name}` }, () => unlinkSync(`/dev/mapper/${name}`));
  return unlinked.ok || unlinked.error.code === "ENOENT" ? ok(undefined) : unlinked;
}

/** Names of all mappings of the machine, of any target. */
export function listMappings(): Result<readonly string[], SysError | MalformedError> {
  const listed = command("DM_LIST_DEVICES", { answerBytes: LIST_BYTES });
  return listed.ok ? decodeDmNames(listed.value) : listed;
}

/** The kernel's device-mapper interface version, such as "4.50.0"; an error says that the kernel has none. */
export function deviceMapperVersion(): Result<string, SysError> {
  const answer = command("DM_VERSION", {});
  if (!answer.ok) return answer;
  const view = new DataView(answer.value.buffer);
  return ok([0, 4, 8].map((at) => view.getUint32(at, true)).join("."));
}
