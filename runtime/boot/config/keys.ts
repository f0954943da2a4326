import { LOADER_TYPES } from "../../loader/index.ts";
import { C, C_NOT_POLICY, CO, COR, ENV_ONLY, HO, HOR } from "./level.ts";
import {
  alwaysOn,
  bool,
  choice,
  choices,
  component,
  duration,
  host,
  int,
  type Key,
  later,
  optionalChoice,
  optionalComponent,
  path,
  secret,
  size,
  text,
  word,
} from "./value.ts";

const S = 1000;
const MIN = 60 * S;
const PORT_MAX = 65_535;
const COUNT_MAX = 1_000_000;

/** Where logs go (reference 11.2), in the order of the original's bits. */
export const LOG_OUTPUTS = [
  "nullsink",
  "singlefile",
  "filetree",
  "stdout",
  "stdout.containers",
  "stdout.pantavisor",
  "stdout_direct",
] as const;

/**
 * Every key of reference 10.2: kind, (range,) older alias, allowed levels, default. Durations are milliseconds. A default that
 * is not the original's says so; the aliases are the original's, which has none for its newer keys.
 */
export const keys = {
  PH_CREDS_HOST: later(word("creds.host", HO, "api.pantahub.com")),
  PH_CREDS_ID: later(text("creds.id", HO, null)),
  PH_CREDS_PORT: later(int(1, PORT_MAX, "creds.port", HO, 443)),
  /** An HTTP proxy with CONNECT, on the way to the fleet's hub and its broker. */
  PH_CREDS_PROXY_HOST: host("creds.proxy.host", HO, null),
  PH_CREDS_PROXY_NOPROXYCONNECT: later(bool("creds.proxy.noproxyconnect", HO, false)),
  PH_CREDS_PROXY_PORT: int(1, PORT_MAX, "creds.proxy.port", HO, 3218),
  PH_CREDS_PRN: later(text("creds.prn", HO, null)),
  PH_CREDS_SECRET: secret(later(text("creds.secret", HO, null))),
  PH_CREDS_TYPE: later(word("creds.type", HO, "builtin")),
  PH_FACTORY_AUTOTOK: secret(later(text("factory.autotok", HO, null))),
  PH_LIBEVENT_HTTP_TIMEOUT: later(duration(null, HOR, 60 * S)),
  PH_LIBEVENT_HTTP_RETRIES: later(int(0, COUNT_MAX, null, HOR, 1)),
  PH_METADATA_DEVMETA_INTERVAL: later(duration("metadata.devmeta.interval", HOR, 10 * S)),
  PH_METADATA_USRMETA_INTERVAL: later(duration("metadata.usrmeta.interval", HOR, 5 * S)),
  PH_ONLINE_REQUEST_THRESHOLD: later(int(0, COUNT_MAX, null, HOR, 0)),
  PH_UPDATER_INTERVAL: later(duration("updater.interval", HOR, 5 * S)),
  PH_UPDATER_NETWORK_TIMEOUT: duration("updater.network_timeout", HOR, 2 * MIN),
  PH_UPDATER_TRANSFER_MAX_COUNT: later(int(1, 64, null, HOR, 5)),

  PV_BOOTLOADER_FITCONFIG: text("bootloader.fitconfig", C, null),
  PV_BOOTLOADER_MTD_ENV: later(text("bootloader.mtd_env", C, null)),
  PV_BOOTLOADER_MTD_ONLY: later(bool("bootloader.mtd_only", C, false)),
  /** `uboot-env` and `none` are ours: U-Boot's own environment, and a host without a boot loader. */
  PV_BOOTLOADER_TYPE: choice(LOADER_TYPES, "bootloader.type", C, "uboot"),
  PV_BOOTLOADER_UBOOTAB_A_NAME: later(word(null, C, "fitA")),
  PV_BOOTLOADER_UBOOTAB_B_NAME: later(word(null, C, "fitB")),
  PV_BOOTLOADER_UBOOTAB_ENV_NAME: later(text(null, C, null)),
  PV_BOOTLOADER_UBOOTAB_ENV_BAK_NAME: later(text(null, C, null)),
  PV_BOOTLOADER_UBOOTAB_ENV_OFFSET: later(int(0, Number.MAX_SAFE_INTEGER, null, C, 0)),
  PV_BOOTLOADER_UBOOTAB_ENV_SIZE: later(int(0, Number.MAX_SAFE_INTEGER, null, C, 0)),

  PV_CACHE_DEVMETADIR: path("cache.devmetadir", C, "/storage/cache/devmeta"),
  PV_CACHE_USRMETADIR: path("cache.usrmetadir", C, "/storage/cache/meta"),
  PV_CONTROL_REMOTE: later(bool("control.remote", CO, true)),
  PV_CONTROL_REMOTE_ALWAYS: later(bool("control.remote.always", CO, false)),
  /** The original's default is on. */
  PV_DEBUG_SHELL: bool("debug.shell", C, false),
  PV_DEBUG_SHELL_AUTOLOGIN: bool("debug.shell.autologin", C, false),
  PV_DEBUG_SHELL_TIMEOUT: later(duration(null, C, MIN)),
  /** The original's default is on. */
  PV_DEBUG_SSH: bool("debug.ssh", COR, false),
  /** A file, seen from `PV_SYSTEM_ETCDIR`. Not set: user-meta `pvr-sdk.authorized_keys`. */
  PV_DEBUG_SSH_AUTHORIZED_KEYS: text("debug.ssh_authorized_keys", COR, null),
  PV_DISK_EXPORTSDIR: later(path("disk.exportsdir", C, "/exports")),
  PV_DISK_VOLDIR: later(path("disk.voldir", C, "/volumes")),
  PV_DISK_WRITABLEDIR: later(path("disk.writabledir", C, "/writable")),
  PV_DROPBEAR_CACHE_DIR: path("dropbear.cache.dir", C, "/storage/cache/dropbear"),
  /** Ours, as the five below: the fleet's hub; without it there is no link. */
  PV_HUB_HOST: host(null, CO, null),
  PV_HUB_PORT: int(1, PORT_MAX, null, CO, 8443),
  /** A file with the certificate of the authority that certifies the hub, in PEM. */
  PV_HUB_AUTHORITY: path(null, C, "/etc/cairn/hub.crt"),
  /** Joins the fleet without an operator. */
  PV_HUB_TOKEN: secret(text(null, CO, null)),
  PV_LIBEVENT_DEBUG_MODE: later(bool(null, CO, false)),
  PV_LIBTHTTP_CERTSDIR: later(path("libthttp.certdir", C, "/certs")),
  PV_LIBTHTTP_LOG_LEVEL: later(int(0, 5, "libthttp.log.level", COR, 3)),

  /** Ours, as the five below: stay connected, or connect, report and sleep. */
  PV_LINK_MODE: choice(["always", "wake"], null, COR, "always"),
  PV_LINK_WAKE_INTERVAL: duration(null, COR, 24 * 60 * MIN),
  /** Below what the networks of cellular providers forget. */
  PV_LINK_KEEPALIVE: duration(null, COR, 29 * MIN),
  /** Bytes of IP and up that the link may cost a day (UTC); 0: as many as it likes. */
  PV_LINK_DAY_BYTES: int(0, Number.MAX_SAFE_INTEGER, null, COR, 0),
  PV_LINK_MONTH_BYTES: int(0, Number.MAX_SAFE_INTEGER, null, COR, 0),
  /** On a thin link objects come in datagrams (UDP, at the hub's port). */
  PV_LINK_DATAGRAMS: bool(null, COR, true),
  PV_LOG_AUTO_DEVLOG: later(bool(null, CO, true)),
  PV_LOG_BUF_NITEMS: int(1, COUNT_MAX, "log.buf_nitems", CO, 128),
  PV_LOG_CAPTURE: bool("log.capture", CO, true),
  PV_LOG_CAPTURE_DMESG: bool("log.capture.dmesg", CO, true),
  PV_LOG_DIR: path("log.dir", C, "/storage/logs/"),
  PV_LOG_DIR_MAXSIZE: size(null, COR, null),
  PV_LOG_FILETREE_TIMESTAMP_FORMAT: later(text("log.filetree.timestamp.format", COR, null)),
  PV_LOG_HYSTERESIS_FACTOR: int(1, 1000, null, COR, 4),
  /** 0 FATAL, 1 ERROR, 2 WARN, 3 INFO, 4 DEBUG, 5 TRACE. The original's default is 0: a device that says nothing. */
  PV_LOG_LEVEL: int(0, 5, "log.level", COR, 3),
  PV_LOG_LOGGERS: bool("log.loggers", CO, true),
  PV_LOG_PUSH: later(bool("log.push", COR, true)),
  PV_LOG_ROTATE_FACTOR: int(1, 1000, null, COR, 5),
  PV_LOG_SERVER_OUTPUTS: choices(LOG_OUTPUTS, "log.server.outputs", COR, ["filetree"]),
  PV_LOG_SINGLEFILE_TIMESTAMP_FORMAT: later(text("log.singlefile.timestamp.format", COR, null)),
  PV_LOG_STDOUT_TIMESTAMP_FORMAT: later(text("log.stdout.timestamp.format", COR, null)),
  PV_LOG_TIMESTAMP: choice(["relative", "absolute"], null, COR, "relative"),
  /** -1: whatever loop device is free. */
  PV_LOOP_INDEX_BASE: later(int(-1, (1 << 20) - 1, null, C, -1)),
  /**
   * liblxc's own levels: 0 TRACE, 1 DEBUG, 2 INFO, 3 NOTICE, 4 WARN, 5 ERROR, 6 CRIT, 7 ALERT, 8 FATAL. The original's default is 2,
   * but it sets the level of a container only where the container's configuration has one. Here it holds for all, and liblxc's own
   * default spares the storage a page of text for each start.
   */
  PV_LXC_LOG_LEVEL: int(0, 8, "lxc.log.level", CO, 5),

  PV_NET_BRADDRESS4: later(word("net.braddress4", CO, "10.0.3.1")),
  PV_NET_BRDEV: later(component("net.brdev", CO, "lxcbr0")),
  PV_NET_BRMASK4: later(word("net.brmask4", CO, "255.255.255.0")),
  PV_OEM_NAME: optionalComponent(null, C, null),
  PV_POLICY: optionalComponent("policy", C_NOT_POLICY, null),

  PV_POWER_MODE: later(choice(["disabled", "locks", "managed"], "power.mode", COR, "locks")),
  PV_POWER_DEVMETA_EAGER_PUSH: later(bool("power.devmeta.eager_push", COR, false)),
  PV_POWER_WAKE_INTERVAL: later(duration("power.wake.interval", COR, 60 * MIN)),
  PV_POWER_WAKE_RUN_WINDOW: later(duration("power.wake.run_window", COR, 0)),
  PV_POWER_AUTOSLEEP_SETTLE: later(duration("power.autosleep.settle", COR, 90 * S)),
  PV_POWER_WAKE_MIN_AWAKE: later(duration("power.wake.min_awake", COR, 10 * S)),
  PV_POWER_WAKE_MAX_AWAKE: later(duration("power.wake.max_awake", COR, MIN)),
  PV_POWER_DEVMETA_MAX_HELD: later(duration("power.devmeta.max_held", COR, 5 * MIN)),
  PV_POWER_SYSFS_DIR: later(path("power.sysfs_dir", COR, "/sys/power")),

  PV_REMOUNT_POLICY: later(optionalComponent(null, ENV_ONLY, null)),
  PV_REVISION_RETRIES: int(0, COUNT_MAX, "revision.retries", COR, 10),
  /** The original lets it be switched off, and its boot script does so (reference 15, number 9). */
  PV_SECUREBOOT_CHECKSUM: alwaysOn("secureboot.checksum", C, true),
  PV_SECUREBOOT_HANDLERS: bool("secureboot.handlers", C, true),
  /** Not set: `strict` with a trust store, `disabled` without one. The original's default is `lenient`. */
  PV_SECUREBOOT_MODE: optionalChoice(["disabled", "audit", "lenient", "strict"], "secureboot.mode", C, null),
  PV_SECUREBOOT_OEM_TRUSTSTORE: component(null, C, "ca-oem-certificates"),
  PV_SECUREBOOT_TRUSTSTORE: component("secureboot.truststore", C, "ca-certificates"),

  PV_STORAGE_DEVICE: text("storage.device", C, null),
  PV_STORAGE_FIRMWARE_VOL: later(bool(null, C, false)),
  PV_STORAGE_FSTYPE: optionalComponent("storage.fstype", C, null),
  /** The original's default is off; the boot scripts fall back to revision 0 when nothing else starts. */
  PV_STORAGE_GC_KEEP_FACTORY: bool("storage.gc.keep_factory", COR, true),
  /** Percent of the partition. */
  PV_STORAGE_GC_RESERVED: int(0, 100, "storage.gc.reserved", COR, 5),
  /** Percent of the partition; 0: never by itself. */
  PV_STORAGE_GC_THRESHOLD: int(0, 100, "storage.gc.threshold", COR, 0),
  PV_STORAGE_GC_THRESHOLD_DEFERTIME: later(duration("storage.gc.threshold.defertime", COR, 10 * MIN)),
  /** The storage grows to the end of its disk. */
  PV_STORAGE_GROW: bool(null, C, false),
  PV_STORAGE_LOGTEMPSIZE: later(size("storage.logtempsize", C, null)),
  /** The original has no default, and its other defaults lie below this one. */
  PV_STORAGE_MNTPOINT: path("storage.mntpoint", C, "/storage"),
  PV_STORAGE_MNTTYPE: later(optionalComponent("storage.mnttype", C, null)),
  PV_STORAGE_PHCONFIG_VOL: later(bool(null, C, false)),
  PV_STORAGE_WAIT: duration("storage.wait", C, 5 * S),

  PV_SYSTEM_APPARMOR_PROFILES: later(text("system.apparmor.profiles", C, null)),
  PV_SYSTEM_CONFDIR: later(path("system.confdir", C, "/configs")),
  PV_SYSTEM_DISKSDIR: later(path("system.disksdir", C, "/run/pantavisor/disks")),
  PV_SYSTEM_DRIVERS_LOAD_EARLY_AUTO: later(bool("system.drivers.load_early.auto", C, false)),
  PV_SYSTEM_ETCDIR: path("system.etcdir", C, "/etc"),
  PV_SYSTEM_ETCPANTAVISORDIR: path(null, C, "/etc/pantavisor"),
  PV_SYSTEM_INIT_MODE: later(choice(["embedded", "standalone", "appengine"], "system.init.mode", C, "embedded")),
  PV_SYSTEM_LIBDIR: later(path("system.libdir", C, "/lib")),
  /** The original's default is `/media`, its images say this one. */
  PV_SYSTEM_MEDIADIR: later(path("system.mediadir", C, "/run/pantavisor/media")),
  PV_SYSTEM_MOUNT_SECURITYFS: later(bool("system.mount.securityfs", C, false)),
  /** The original's default is `/pv`, its images say this one; clients look here first (reference 8.10). */
  PV_SYSTEM_RUNDIR: path("system.rundir", C, "/run/pantavisor/pv"),
  PV_SYSTEM_USRDIR: later(path("system.usrdir", C, "/usr")),

  PV_UPDATER_COMMIT_DELAY: duration("updater.commit.delay", COR, 25 * S),
  PV_UPDATER_GOALS_TIMEOUT: duration("updater.goals.timeout", CO, 2 * MIN),
  PV_UPDATER_USE_TMP_OBJECTS: later(bool("updater.use_tmp_objects", COR, false)),
  PV_VOLMOUNT_DM_EXTRA_ARGS: later(text(null, CO, null)),
  /** The original's default is `shutdown`: a hang of the runtime would never be noticed. */
  PV_WDT_MODE: choice(["disabled", "shutdown", "startup", "always"], "wdt.mode", C, "always"),
  PV_WDT_TIMEOUT: duration("wdt.timeout", C, 15 * S),
  PV_XCONNECT_DBUS_SYSTEMBUS_ENABLED: later(bool("xconnect.dbus.systembus.enabled", CO, true)),
} as const;

/** Spellings beside the regular aliases that old configurations use (reference 10.1). */
export const OLD_SPELLINGS: ReadonlyMap<string, KeyName> = new Map<string, KeyName>([
  ["meta.cache.dir", "PV_CACHE_USRMETADIR"],
  ["pantahub.log.push", "PV_LOG_PUSH"],
  ["updater.keep_factory", "PV_STORAGE_GC_KEEP_FACTORY"],
  ["pv_secureboot_oem_trustore", "PV_SECUREBOOT_OEM_TRUSTSTORE"],
]);

export type KeyName = keyof typeof keys;
type ValueOf<K> = K extends Key<infer T> ? T : never;

/** Every key with its value, durations in milliseconds. */
export type Config = { readonly [K in KeyName]: ValueOf<(typeof keys)[K]> };

/** The same table without each key's own type, for walking over all of them. */
export const table: Readonly<Record<KeyName, Key<unknown>>> = keys;
export const keyNames = Object.keys(keys) as readonly KeyName[];

const names: ReadonlyMap<string, KeyName> = new Map([
  ...OLD_SPELLINGS,
  ...keyNames.flatMap((name): [string, KeyName][] => {
    const { alias } = table[name];
    return alias === null
      ? [[name.toLowerCase(), name]]
      : [
          [name.toLowerCase(), name],
          [alias, name],
        ];
  }),
]);

/** The key that a text names, in any of its spellings and in any case; undefined if there is none. */
export const keyNamed = (text: string): KeyName | undefined => names.get(text.toLowerCase());
