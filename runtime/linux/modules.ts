import { dlopen, ptr } from "bun:ffi";
import { constants, existsSync } from "node:fs";
import { err, invariant, ok, type Result } from "../result.ts";
import { refused, type SysError } from "./errno.ts";
import { cstr, LIBC, readText, sys, withFd } from "./libc.ts";
import { type ModuleIndex, moduleName, parseModuleIndex, resolveModule } from "./module-index.ts";
import { kernelIdentity } from "./proc.ts";

const { symbols: libc } = dlopen(LIBC, {
  // long syscall(long number, ...)    syscall(2); glibc has no wrapper for finit_module(2) and delete_module(2)
  syscall: { args: ["i64", "u64", "ptr", "u64"], returns: "i64" },
});

/** System call numbers: arch/x86/entry/syscalls/syscall_64.tbl; asm-generic/unistd.h for aarch64. */
const NUMBERS = {
  x64: { finitModule: 313, deleteModule: 176 },
  arm64: { finitModule: 273, deleteModule: 106 },
} as const;

function numbers() {
  const { arch } = process;
  invariant(arch === "x64" || arch === "arm64", "Cairn is built for x86_64 and aarch64");
  return NUMBERS[arch];
}

/** linux/module.h; Linux 5.17. */
const MODULE_INIT_COMPRESSED_FILE = 4;

export type ModuleNotFound = { readonly kind: "moduleNotFound"; readonly module: string; readonly folder: string };

export const explainModuleNotFound = (e: ModuleNotFound): string =>
  `kernel module ${JSON.stringify(e.module)} is neither in ${e.folder} nor built in: add it to the revision's modules image`;

/** Reads the index of a modules folder, by default that of the running kernel. A missing modules.builtin or modules.alias is empty. */
export function readModuleIndex(folder = modulesFolder()): Result<ModuleIndex, SysError> {
  const dep = readText(`${folder}/modules.dep`);
  if (!dep.ok) return dep;
  const optional = (file: string): string => {
    const text = readText(`${folder}/${file}`);
    return text.ok ? text.value : "";
  };
  return ok(
    parseModuleIndex({ dep: dep.value, alias: optional("modules.alias"), builtin: optional("modules.builtin") }),
  );
}

export const modulesFolder = (): string => `/lib/modules/${kernelIdentity().release}`;

export type ModuleSpec = {
  /** A name or an alias. */
  readonly module: string;
  /** Parameters as modprobe takes them: "numdummies=2 debug=1". They go to the module itself, not to what it needs. */
  readonly options?: string;
  readonly folder?: string;
};

/** Loads a module and what it needs. One that is loaded or built in is a success, its options then have no effect.
 *  Errors: ENOEXEC for a module of another kernel, EKEYREJECTED for one without a valid signature. */
export function loadModule(
  index: ModuleIndex,
  { module, options = "", folder = modulesFolder() }: ModuleSpec,
): Result<void, SysError | ModuleNotFound> {
  const names = resolveModule(index, module);
  if (names.length === 0) return err({ kind: "moduleNotFound", module, folder });
  for (const name of names.filter((each) => !index.builtin.has(each))) {
    const files = index.files.get(name);
    if (files === undefined) return err({ kind: "moduleNotFound", module: name, folder });
    for (const file of files) {
      if (isModuleLoaded(moduleName(file))) continue;
      const path = file.startsWith("/") ? file : `${folder}/${file}`;
      const loaded = insert(path, moduleName(file) === name ? options : "");
      if (!loaded.ok) return loaded;
    }
  }
  return ok(undefined);
}

function insert(path: string, options: string): Result<void, SysError> {
  const text = cstr(options);
  const compressed = /\.(?:gz|xz|zst)$/.test(path);
  const flags = compressed ? MODULE_INIT_COMPRESSED_FILE : 0;
  const done = withFd(path, constants.O_RDONLY, (fd) =>
    // int finit_module(int fd, const char *param_values, int flags)    finit_module(2)
    sys("finit_module", { path, options }, () => Number(libc.syscall(numbers().finitModule, fd, text, flags))),
  );
  if (done.ok || done.error.code === "EEXIST") return ok(undefined);
  if (compressed && ["EINVAL", "EOPNOTSUPP", "ENOEXEC"].includes(done.error.code)) {
    return err(
      refused(
        "finit_module",
        { path },
        "this kernel cannot unpack it (CONFIG_MODULE_DECOMPRESS): ship plain .ko files",
      ),
    );
  }
  return done;
}

/** Unloads one module, not what it needed. EWOULDBLOCK: it is in use. ENOENT: it is not loaded. */
export function unloadModule(module: string): Result<void, SysError> {
  const name = moduleName(module);
  const text = cstr(name);
  // int delete_module(const char *name, unsigned int flags)    delete_module(2)
  const done = sys("delete_module", { name }, () => {
    return Number(libc.syscall(numbers().deleteModule, BigInt(ptr(text)), constants.O_NONBLOCK, 0));
  });
  return done.ok ? ok(undefined) : done;
}

/** Whether a module is loaded (a built-in one shows here only if it has parameters). */
export const isModuleLoaded = (module: string): boolean => existsSync(`/sys/module/${moduleName(module)}`);
