import { CFunction, CString, dlopen, type Pointer, read } from "bun:ffi";
import { cstr } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { LxcError } from "./error.ts";
import { FIELDS, SLOTS, type SlotName } from "./layout.ts";

/** The soname, found through ld.so's own search path: both Debian and Buildroot install it under this name. */
const LIBLXC = "liblxc.so.1";

/** A function of the table, called as its {@link SLOTS} entry says. */
type Callable = (...args: (Pointer | Uint8Array | number | boolean | null)[]) => unknown;
type Table = { readonly [Name in SlotName]: Callable };

/** liblxc, loaded and trusted. */
export type Library = {
  readonly version: string;
  readonly table: Table;
  /** lxc_container_new: a handle that {@link Library.put} must give back; null when liblxc refuses. */
  create(name: string, lxcPath: string): Pointer | null;
  put(handle: Pointer): void;
};

const open = () =>
  dlopen(LIBLXC, {
    // const char *lxc_get_version(void)    lxc/lxccontainer.h; static string
    lxc_get_version: { args: [], returns: "cstring" },
    // struct lxc_container *lxc_container_new(const char *name, const char *configpath)
    lxc_container_new: { args: ["ptr", "ptr"], returns: "ptr" },
    // int lxc_container_put(struct lxc_container *c)    drops a reference; 1 when it was the last
    lxc_container_put: { args: ["ptr"], returns: "i32" },
  }).symbols;

/** Whether we know the struct of this version: 5.0 up to, not including, 7. */
export const isKnownVersion = (version: string): boolean => /^[56]\.\d+/.test(version);

let loaded: Library | undefined;

/** Loads liblxc, once in a process, and checks its ABI by using it: what is set must read back, through the table and in the
 *  struct. The check leaves an empty lock file below /run/lxc/lock. */
export function loadLibrary(lxcPath: string): Result<Library, LxcError> {
  if (loaded !== undefined) return ok(loaded);
  let symbols: ReturnType<typeof open>;
  try {
    symbols = open();
  } catch (thrown) {
    return err({ kind: "lxcMissing", detail: thrown instanceof Error ? thrown.message : String(thrown) });
  }
  const version = String(symbols.lxc_get_version());
  if (!isKnownVersion(version)) return err({ kind: "lxcVersion", version });
  const create = (name: string, path: string): Pointer | null => {
    const [cname, cpath] = [cstr(name), cstr(path)] as const;
    return symbols.lxc_container_new(cname, cpath) as Pointer | null;
  };
  const put = (handle: Pointer): void => {
    symbols.lxc_container_put(handle);
  };
  const probe = create(PROBE_NAME, lxcPath);
  if (probe === null) return err({ kind: "lxcAbi", version, detail: "lxc_container_new gives NULL" });
  const fault = checkFields(probe, lxcPath);
  const library = fault === undefined ? { version, table: bind(probe), create, put } : undefined;
  const detail = library === undefined ? fault : checkTable(library.table, probe, lxcPath);
  put(probe);
  if (library === undefined || detail !== undefined)
    return err({ kind: "lxcAbi", version, detail: detail ?? "no table" });
  loaded = library;
  return ok(library);
}

const PROBE_NAME = "cairn-abi-check";
const PROBE_HOST = "abi-check";

const textAt = (handle: Pointer, offset: number): string | undefined => {
  const address = read.ptr(handle, offset);
  return address === 0 ? undefined : String(new CString(address as Pointer));
};

/** The plain fields, read before any pointer of the table is called. */
function checkFields(handle: Pointer, lxcPath: string): string | undefined {
  const name = textAt(handle, FIELDS.name);
  if (name !== PROBE_NAME) return `field name: wants ${PROBE_NAME}, has ${name}`;
  const path = textAt(handle, FIELDS.configPath);
  return path === lxcPath ? undefined : `field config_path: wants ${lxcPath}, has ${path}`;
}

/** The addresses are those of static functions of liblxc, the same in every container (checked again by {@link sameTable}). */
function bind(handle: Pointer): Table {
  const entries = Object.entries(SLOTS).map(([name, { offset, args, returns }]) => {
    const address = read.ptr(handle, offset) as Pointer;
    return [name, CFunction({ ptr: address, args: [...args], returns })];
  });
  boundAddresses = addressesOf(handle);
  return Object.fromEntries(entries) as Table;
}

let boundAddresses = "";
const addressesOf = (handle: Pointer): string =>
  Object.values(SLOTS)
    .map(({ offset }) => read.ptr(handle, offset))
    .join(" ");

/** Whether this container's functions are those that were bound. */
export const sameTable = (handle: Pointer): boolean => addressesOf(handle) === boundAddresses;

/** Reads a configuration item: first its length, then itself. `undefined`: liblxc does not know the key. */
export function readItem(table: Table, handle: Pointer, key: string): string | undefined {
  const ckey = cstr(key);
  const length = Number(table.getConfigItem(handle, ckey, null, 0));
  if (length < 0) return undefined;
  const bytes = new Uint8Array(length + 1); // and the NUL
  table.getConfigItem(handle, ckey, bytes, bytes.length);
  return Buffer.from(bytes.subarray(0, length)).toString();
}

function checkTable(table: Table, handle: Pointer, lxcPath: string): string | undefined {
  const key = "lxc.uts.name";
  const [ckey, value] = [cstr(key), cstr(PROBE_HOST)] as const;
  if (table.setConfigItem(handle, ckey, value) !== true) return `set_config_item ${key} fails`;
  const back = readItem(table, handle, key);
  if (back !== PROBE_HOST) return `${key}: wants ${PROBE_HOST}, reads back ${back}`;
  if (table.clearConfigItem(handle, ckey) !== true) return `clear_config_item ${key} fails`;
  const cleared = readItem(table, handle, key);
  if (cleared !== "") return `${key}: wants nothing after it was cleared, has ${cleared}`;
  const path = String(new CString(table.getConfigPath(handle) as Pointer));
  if (path !== lxcPath) return `get_config_path: wants ${lxcPath}, gives ${path}`;
  const state = String(new CString(table.state(handle) as Pointer));
  return state === "STOPPED" ? undefined : `state: wants STOPPED for a container that never ran, gives ${state}`;
}
