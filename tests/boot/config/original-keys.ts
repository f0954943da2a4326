/**
 * The original's table, transcribed for comparison: key, older spelling, where it may be set (reference 10.2: C, H, O, R), and the
 * default as its `GET /config2` prints it.
 */
export interface OriginalKey {
  readonly key: string;
  readonly alias: string | null;
  readonly allowed: string;
  readonly shown: string;
}

export const originalKeys: readonly OriginalKey[] = `
PH_CREDS_HOST creds.host HO api.pantahub.com
PH_CREDS_ID creds.id HO (null)
PH_CREDS_PORT creds.port HO 443
PH_CREDS_PROXY_HOST creds.proxy.host HO (null)
PH_CREDS_PROXY_NOPROXYCONNECT creds.proxy.noproxyconnect HO 0
PH_CREDS_PROXY_PORT creds.proxy.port HO 3218
PH_CREDS_PRN creds.prn HO (null)
PH_CREDS_SECRET creds.secret HO (null)
PH_CREDS_TYPE creds.type HO builtin
PH_FACTORY_AUTOTOK factory.autotok HO (null)
PH_LIBEVENT_HTTP_TIMEOUT - HOR 60
PH_LIBEVENT_HTTP_RETRIES - HOR 1
PH_METADATA_DEVMETA_INTERVAL metadata.devmeta.interval HOR 10
PH_METADATA_USRMETA_INTERVAL metadata.usrmeta.interval HOR 5
PH_ONLINE_REQUEST_THRESHOLD - HOR 0
PH_UPDATER_INTERVAL updater.interval HOR 5
PH_UPDATER_NETWORK_TIMEOUT updater.network_timeout HOR 120
PH_UPDATER_TRANSFER_MAX_COUNT - HOR 5
PV_BOOTLOADER_FITCONFIG bootloader.fitconfig C (null)
PV_BOOTLOADER_MTD_ENV bootloader.mtd_env C (null)
PV_BOOTLOADER_MTD_ONLY bootloader.mtd_only C 0
PV_BOOTLOADER_TYPE bootloader.type C uboot
PV_BOOTLOADER_UBOOTAB_A_NAME - C fitA
PV_BOOTLOADER_UBOOTAB_B_NAME - C fitB
PV_BOOTLOADER_UBOOTAB_ENV_NAME - C (null)
PV_BOOTLOADER_UBOOTAB_ENV_BAK_NAME - C (null)
PV_BOOTLOADER_UBOOTAB_ENV_OFFSET - C 0
PV_BOOTLOADER_UBOOTAB_ENV_SIZE - C 0
PV_CACHE_DEVMETADIR cache.devmetadir C /storage/cache/devmeta
PV_CACHE_USRMETADIR cache.usrmetadir C /storage/cache/meta
PV_CONTROL_REMOTE control.remote CO 1
PV_CONTROL_REMOTE_ALWAYS control.remote.always CO 0
PV_DEBUG_SHELL debug.shell C 1
PV_DEBUG_SHELL_AUTOLOGIN debug.shell.autologin C 0
PV_DEBUG_SHELL_TIMEOUT - C 60
PV_DEBUG_SSH debug.ssh COR 1
PV_DEBUG_SSH_AUTHORIZED_KEYS debug.ssh_authorized_keys COR (null)
PV_DISK_EXPORTSDIR disk.exportsdir C /exports
PV_DISK_VOLDIR disk.voldir C /volumes
PV_DISK_WRITABLEDIR disk.writabledir C /writable
PV_DROPBEAR_CACHE_DIR dropbear.cache.dir C /storage/cache/dropbear
PV_LIBEVENT_DEBUG_MODE - CO 0
PV_LIBTHTTP_CERTSDIR libthttp.certdir C /certs
PV_LIBTHTTP_LOG_LEVEL libthttp.log.level COR 3
PV_LOG_AUTO_DEVLOG - CO 1
PV_LOG_CAPTURE log.capture CO 1
PV_LOG_CAPTURE_DMESG log.capture.dmesg CO 1
PV_LOG_BUF_NITEMS log.buf_nitems CO 128
PV_LOG_DIR log.dir C /storage/logs/
PV_LOG_DIR_MAXSIZE - COR 0
PV_LOG_FILETREE_TIMESTAMP_FORMAT log.filetree.timestamp.format COR (null)
PV_LOG_HYSTERESIS_FACTOR - COR 4
PV_LOG_LEVEL log.level COR 0
PV_LOG_LOGGERS log.loggers CO 1
PV_LOG_PUSH log.push COR 1
PV_LOG_ROTATE_FACTOR - COR 5
PV_LOG_SERVER_OUTPUTS log.server.outputs COR 132
PV_LOG_SINGLEFILE_TIMESTAMP_FORMAT log.singlefile.timestamp.format COR (null)
PV_LOG_STDOUT_TIMESTAMP_FORMAT log.stdout.timestamp.format COR (null)
PV_LOG_TIMESTAMP - COR relative
PV_LOOP_INDEX_BASE - C -1
PV_LXC_LOG_LEVEL lxc.log.level CO 2
PV_NET_BRADDRESS4 net.braddress4 CO 10.0.3.1
PV_NET_BRDEV net.brdev CO lxcbr0
PV_NET_BRMASK4 net.brmask4 CO 255.255.255.0
PV_OEM_NAME - C (null)
PV_POLICY policy C (null)
PV_POWER_MODE power.mode COR locks
PV_POWER_DEVMETA_EAGER_PUSH power.devmeta.eager_push COR 0
PV_POWER_WAKE_INTERVAL power.wake.interval COR 3600
PV_POWER_WAKE_RUN_WINDOW power.wake.run_window COR 0
PV_POWER_AUTOSLEEP_SETTLE power.autosleep.settle COR 90
PV_POWER_WAKE_MIN_AWAKE power.wake.min_awake COR 10
PV_POWER_WAKE_MAX_AWAKE power.wake.max_awake COR 60
PV_POWER_DEVMETA_MAX_HELD power.devmeta.max_held COR 300
PV_POWER_SYSFS_DIR power.sysfs_dir COR /sys/power
PV_REVISION_RETRIES revision.retries COR 10
PV_SECUREBOOT_CHECKSUM secureboot.checksum C 1
PV_SECUREBOOT_HANDLERS secureboot.handlers C 1
PV_SECUREBOOT_MODE secureboot.mode C lenient
PV_SECUREBOOT_OEM_TRUSTSTORE - C ca-oem-certificates
PV_SECUREBOOT_TRUSTSTORE secureboot.truststore C ca-certificates
PV_STORAGE_DEVICE storage.device C (null)
PV_STORAGE_FSTYPE storage.fstype C (null)
PV_STORAGE_GC_KEEP_FACTORY storage.gc.keep_factory COR 0
PV_STORAGE_GC_RESERVED storage.gc.reserved COR 5
PV_STORAGE_GC_THRESHOLD_DEFERTIME storage.gc.threshold.defertime COR 600
PV_STORAGE_GC_THRESHOLD storage.gc.threshold COR 0
PV_STORAGE_LOGTEMPSIZE storage.logtempsize C (null)
PV_STORAGE_MNTPOINT storage.mntpoint C (null)
PV_STORAGE_MNTTYPE storage.mnttype C (null)
PV_STORAGE_FIRMWARE_VOL - C 0
PV_STORAGE_PHCONFIG_VOL - C 0
PV_STORAGE_WAIT storage.wait C 5
PV_SYSTEM_APPARMOR_PROFILES system.apparmor.profiles C (null)
PV_SYSTEM_CONFDIR system.confdir C /configs
PV_SYSTEM_DRIVERS_LOAD_EARLY_AUTO system.drivers.load_early.auto C 0
PV_SYSTEM_ETCDIR system.etcdir C /etc
PV_SYSTEM_ETCPANTAVISORDIR - C /etc/pantavisor
PV_SYSTEM_INIT_MODE system.init.mode C embedded
PV_SYSTEM_LIBDIR system.libdir C /lib
PV_SYSTEM_MEDIADIR system.mediadir C /media
PV_SYSTEM_MOUNT_SECURITYFS system.mount.securityfs C 0
PV_SYSTEM_RUNDIR system.rundir C /pv
PV_SYSTEM_DISKSDIR system.disksdir C /run/pantavisor/disks
PV_SYSTEM_USRDIR system.usrdir C /usr
PV_UPDATER_COMMIT_DELAY updater.commit.delay COR 25
PV_UPDATER_GOALS_TIMEOUT updater.goals.timeout CO 120
PV_UPDATER_USE_TMP_OBJECTS updater.use_tmp_objects COR 0
PV_VOLMOUNT_DM_EXTRA_ARGS - CO (null)
PV_WDT_MODE wdt.mode C shutdown
PV_WDT_TIMEOUT wdt.timeout C 15
PV_XCONNECT_DBUS_SYSTEMBUS_ENABLED xconnect.dbus.systembus.enabled CO 1
`
  .trim()
  .split("\n")
  .map((line) => {
    const [key = "", alias = "", allowed = "", shown = ""] = line.split(" ");
    return { key, alias: alias === "-" ? null : alias, allowed, shown };
  });

/** `PV_REMOUNT_POLICY` is read from the environment elsewhere and is not in the original's table. */
export const notInTheTable = ["PV_REMOUNT_POLICY"];

/** What Cairn shows instead, each with a row in the compatibility table. */
export const ourDefaults: Readonly<Record<string, string>> = {
  PV_DEBUG_SHELL: "0",
  PV_DEBUG_SSH: "0",
  PV_SECUREBOOT_MODE: "(null)",
  PV_STORAGE_GC_KEEP_FACTORY: "1",
  PV_LOG_LEVEL: "3",
  PV_LOG_SERVER_OUTPUTS: "filetree",
  PV_LXC_LOG_LEVEL: "5",
  PV_STORAGE_LOGTEMPSIZE: "0",
  PV_STORAGE_MNTPOINT: "/storage",
  PV_SYSTEM_MEDIADIR: "/run/pantavisor/media",
  PV_SYSTEM_RUNDIR: "/run/pantavisor/pv",
  PV_WDT_MODE: "always",
};

/** Of a hub that speaks another protocol than the original's. */
export const ours: readonly string[] = [
  "PV_HUB_AUTHORITY",
  "PV_HUB_HOST",
  "PV_HUB_PORT",
  "PV_HUB_TOKEN",
  "PV_LINK_DAY_BYTES",
  "PV_LINK_KEEPALIVE",
  "PV_LINK_MODE",
  "PV_LINK_MONTH_BYTES",
  "PV_LINK_DATAGRAMS",
  "PV_LINK_WAKE_INTERVAL",
  "PV_STORAGE_GROW",
];
