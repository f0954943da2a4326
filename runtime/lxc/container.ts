import { CString, type Pointer } from "bun:ffi";
import { cstr } from "../linux/index.ts";
import { err, invariant, ok, type Result } from "../result.ts";
import type { LxcError } from "./error.ts";
import type { SlotName } from "./layout.ts";
import { type Library, loadLibrary, readItem, sameTable } from "./library.ts";
import { isLxcState, type LxcState } from "./record.ts";

/** liblxc, ready for use, with the folder under which it keeps its containers. */
export type Lxc = {
  readonly version: string;
  readonly lxcPath: string;
  /** A handle for a container of this name; loads `<lxcPath>/<name>/config` when that exists. */
  container(name: string): Result<Container, LxcError>;
};

/** One container. Calls block; those that talk to a running container's monitor (state, initPid, stop, freeze) for as long as it
 *  takes to answer. */
export type Container = {
  readonly name: string;
  /** Reads a configuration file on top of what is set. Relative paths inside it count from our working directory, when the
   *  container starts. */
  loadConfig(path: string): Result<void, LxcError>;
  /** Sets an item; one that is a list ("lxc.mount.entry", "lxc.environment") gets another entry. */
  setItem(key: string, value: string): Result<void, LxcError>;
  /** Empties an item or a whole list. */
  clearItem(key: string): Result<void, LxcError>;
  /** An item's value, "" when it is not set; `undefined` when liblxc does not know it. Of `lxc.rootfs.path` liblxc gives the path
   *  without its type: "dir:/x" and "overlay:/x:/y" lose what is before the first colon. */
  getItem(key: string): string | undefined;
  /** The entries of a list item. */
  getItems(key: string): readonly string[];
  saveConfig(path: string): Result<void, LxcError>;
  /** Kills it with SIGKILL and waits until it is gone. */
  stop(): Result<void, LxcError>;
  /** Sends `lxc.signal.halt` and waits for the end, rounded up to seconds; with 0 does not wait. An error: it did not end in time. */
  shutdown(timeoutMs: number): Result<void, LxcError>;
  freeze(): Result<void, LxcError>;
  unfreeze(): Result<void, LxcError>;
  /** Pid of its init in our namespace; `undefined` when it does not run. */
  initPid(): number | undefined;
  state(): LxcState;
  isRunning(): boolean;
  /** The master side of its console, to be closed by the caller; needs `lxc.tty.max` or a console. */
  consoleFd(): Result<number, LxcError>;
  /** Gives the handle back; the container itself runs on. The last call on this object. */
  free(): void;
};

/** Loads liblxc (lazily: nothing is opened before) and proves its ABI. `lxcPath` is an absolute path of a folder that exists. Errors: missing, unknown version, unexpected behaviour. */
export function openLxc(lxcPath: string): Result<Lxc, LxcError> {
  const library = loadLibrary(lxcPath);
  if (!library.ok) return library;
  const { version } = library.value;
  return ok({ version, lxcPath, container: (name) => openContainer(library.value, lxcPath, name) });
}

function openContainer(lxc: Library, lxcPath: string, name: string): Result<Container, LxcError> {
  const failed = (call: string, args: Record<string, string | number>, errorNumber = 0, hint = "") =>
    err({ kind: "lxc", call, container: name, args, errorNumber, hint } as const);
  if (name.includes("\0") || name === "" || name.includes("/")) {
    return failed(
      "lxc_container_new",
      { name },
      0,
      "a container's name is not empty and holds no slash and no NUL byte",
    );
  }
  const created = lxc.create(name, lxcPath);
  if (created === null)
    return failed("lxc_container_new", { name, lxcPath }, 0, "is /run writable, and the name valid?");
  if (!sameTable(created)) {
    lxc.put(created);
    return err({
      kind: "lxcAbi",
      version: lxc.version,
      detail: `container ${name} has other functions than the one that was checked`,
    });
  }
  let handle: Pointer | undefined = created;
  const own = (): Pointer => {
    invariant(handle !== undefined, `container ${name} is not used after free()`);
    return handle;
  };

  /** One call that answers true or false, with texts as arguments. */
  const call = (slot: SlotName, args: Record<string, string>): Result<void, LxcError> => {
    const values = Object.values(args);
    if (values.some((value) => value.includes("\0"))) return failed(slot, args, 0, "an argument holds a NUL byte");
    const texts = values.map(cstr);
    if (lxc.table[slot](own(), ...texts) === true) return ok(undefined);
    return failed(slot, args);
  };

  const container: Container = {
    name,
    loadConfig: (path) => call("loadConfig", { path }),
    setItem: (key, value) => call("setConfigItem", { key, value }),
    clearItem: (key) => call("clearConfigItem", { key }),
    getItem: (key) => (key.includes("\0") ? undefined : readItem(lxc.table, own(), key)),
    getItems: (key) => (container.getItem(key) ?? "").split("\n").filter((line) => line !== ""),
    saveConfig: (path) => call("saveConfig", { path }),
    stop: () => call("stop", {}),
    shutdown: (timeoutMs) =>
      lxc.table.shutdown(own(), Math.ceil(timeoutMs / 1000)) === true
        ? ok(undefined)
        : failed("shutdown", { timeoutMs }),
    freeze: () => call("freeze", {}),
    unfreeze: () => call("unfreeze", {}),
    initPid: () => {
      const pid = Number(lxc.table.initPid(own()));
      return pid > 0 ? pid : undefined;
    },
    state: () => {
      const address = lxc.table.state(own()) as Pointer | null;
      const text = address === null ? "STOPPED" : String(new CString(address));
      invariant(isLxcState(text), `liblxc has no state ${text}`);
      return text;
    },
    isRunning: () => lxc.table.isRunning(own()) === true,
    consoleFd: () => {
      const [tty, master] = [new Int32Array([-1]), new Int32Array([-1])] as const; // -1: the first free one
      const fd = Number(lxc.table.consoleGetFd(own(), new Uint8Array(tty.buffer), new Uint8Array(master.buffer)));
      return fd >= 0 && master[0] !== undefined
        ? ok(master[0])
        : failed("consoleGetFd", {}, 0, "are there free ttys (lxc.tty.max)?");
    },
    free: () => {
      lxc.put(own());
      handle = undefined;
    },
  };
  return ok(container);
}
