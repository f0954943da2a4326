import { FFIType } from "bun:ffi";

/** `struct lxc_container`, lxc/lxccontainer.h: offsets of the fields we read, on 64-bit machines. */
export const FIELDS = { name: 0, errorNumber: 64, configPath: 72 } as const;

/** The function pointers begin here, in the order of the header, each 8 bytes. */
const TABLE = 80;
const at = (index: number): number => TABLE + index * 8;

const { ptr, i32, bool } = FFIType;

/** The functions we call: place and C type. Offsets computed with offsetof() from the headers of liblxc 5.0.0 and 6.0.6; these
 *  indices are the same in all versions between. Each takes the container first. */
export const SLOTS = {
  state: { offset: at(1), args: [ptr], returns: ptr }, // const char *(*state)(c); static string
  isRunning: { offset: at(2), args: [ptr], returns: bool }, // bool (*is_running)(c)
  freeze: { offset: at(3), args: [ptr], returns: bool }, // bool (*freeze)(c)
  unfreeze: { offset: at(4), args: [ptr], returns: bool }, // bool (*unfreeze)(c)
  initPid: { offset: at(5), args: [ptr], returns: i32 }, // pid_t (*init_pid)(c)
  loadConfig: { offset: at(6), args: [ptr, ptr], returns: bool }, // bool (*load_config)(c, const char *alt_file)
  stop: { offset: at(9), args: [ptr], returns: bool }, // bool (*stop)(c)
  setConfigItem: { offset: at(14), args: [ptr, ptr, ptr], returns: bool }, // bool (*set_config_item)(c, key, value)
  saveConfig: { offset: at(16), args: [ptr, ptr], returns: bool }, // bool (*save_config)(c, const char *alt_file)
  shutdown: { offset: at(21), args: [ptr, i32], returns: bool }, // bool (*shutdown)(c, int timeout); seconds
  clearConfigItem: { offset: at(23), args: [ptr, ptr], returns: bool }, // bool (*clear_config_item)(c, key)
  getConfigItem: { offset: at(24), args: [ptr, ptr, ptr, i32], returns: i32 }, // int (*get_config_item)(c, key, char *retv, int inlen)
  getConfigPath: { offset: at(31), args: [ptr], returns: ptr }, // const char *(*get_config_path)(c)
  consoleGetFd: { offset: at(34), args: [ptr, ptr, ptr], returns: i32 }, // int (*console_getfd)(c, int *ttynum, int *ptxfd)
} as const;

export type SlotName = keyof typeof SLOTS;
