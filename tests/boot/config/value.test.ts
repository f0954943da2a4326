import { expect, test } from "bun:test";
import { resolveConfig } from "../../../runtime/boot/config/index.ts";

const NOTHING = undefined;
const set = (key: string, text: string): unknown => {
  const { config, warnings } = resolveConfig({ environment: { [key]: text } });
  const bad = warnings.some((w) => w.kind === "badValue");
  return bad ? NOTHING : config[key as keyof typeof config];
};

test.each([
  ["PV_SECUREBOOT_CHECKSUM", "0", NOTHING],
  ["PV_SECUREBOOT_CHECKSUM", "1", true],
  ["PV_SECUREBOOT_HANDLERS", "yes", true],
  ["PV_SECUREBOOT_HANDLERS", "On", true],
  ["PV_SECUREBOOT_HANDLERS", "TRUE", true],
  ["PV_SECUREBOOT_HANDLERS", "0", false],
  ["PV_SECUREBOOT_HANDLERS", "off", false],
  ["PV_SECUREBOOT_HANDLERS", "", NOTHING],
  ["PV_SECUREBOOT_HANDLERS", "2", NOTHING],
  ["PV_LXC_LOG_LEVEL", "8", 8],
  ["PV_LXC_LOG_LEVEL", "9", NOTHING],
  ["PV_LXC_LOG_LEVEL", "1.5", NOTHING],
  ["PV_LXC_LOG_LEVEL", "0x1", NOTHING],
  ["PV_LXC_LOG_LEVEL", "9".repeat(400), NOTHING],
  ["PV_LOOP_INDEX_BASE", "-1", -1],
  ["PV_HUB_HOST", "hub.example", "hub.example"],
  ["PV_HUB_HOST", "[2001:db8::1]", "2001:db8::1"],
  ["PV_HUB_HOST", "2001:db8::1", "2001:db8::1"],
  ["PV_HUB_HOST", "[x]", "[x]"],
  ["PV_HUB_HOST", "", null],
  ["PH_CREDS_PROXY_HOST", "[::1]", "::1"],
  ["PV_STORAGE_WAIT", "20", 20_000],
  ["PV_STORAGE_WAIT", "20s", 20_000],
  ["PV_STORAGE_WAIT", "2min", 120_000],
  ["PV_STORAGE_WAIT", "1h", 3_600_000],
  ["PV_STORAGE_WAIT", "24d", 24 * 86_400_000],
  ["PV_STORAGE_WAIT", "25d", NOTHING],
  ["PV_STORAGE_WAIT", "1h30min", NOTHING],
  ["PV_STORAGE_WAIT", "-5", NOTHING],
  ["PV_STORAGE_WAIT", "5 s", NOTHING],
  ["PV_LOG_DIR_MAXSIZE", "0", null],
  ["PV_LOG_DIR_MAXSIZE", "4096", { kind: "bytes", bytes: 4096 }],
  ["PV_LOG_DIR_MAXSIZE", "16M", { kind: "bytes", bytes: 16 * 2 ** 20 }],
  ["PV_LOG_DIR_MAXSIZE", "16m", { kind: "bytes", bytes: 16 * 2 ** 20 }],
  ["PV_LOG_DIR_MAXSIZE", "16MB", { kind: "bytes", bytes: 16_000_000 }],
  ["PV_LOG_DIR_MAXSIZE", "2T", { kind: "bytes", bytes: 2 * 2 ** 40 }],
  ["PV_LOG_DIR_MAXSIZE", "9999999T", NOTHING],
  ["PV_LOG_DIR_MAXSIZE", "20%", { kind: "percent", percent: 20 }],
  ["PV_LOG_DIR_MAXSIZE", "101%", NOTHING],
  ["PV_LOG_DIR_MAXSIZE", "0%", NOTHING],
  ["PV_LOG_DIR_MAXSIZE", "16MiB", NOTHING],
  ["PV_LOG_SERVER_OUTPUTS", "stdout, filetree,stdout", ["filetree", "stdout"]],
  ["PV_LOG_SERVER_OUTPUTS", "filetree,paper", NOTHING],
  ["PV_LOG_SERVER_OUTPUTS", "", NOTHING],
  ["PV_SYSTEM_RUNDIR", "/run/x", "/run/x"],
  ["PV_SYSTEM_RUNDIR", "run/x", NOTHING],
  ["PV_SYSTEM_RUNDIR", "/run/../etc", NOTHING],
  ["PV_SYSTEM_RUNDIR", "", NOTHING],
  ["PV_POLICY", "factory", "factory"],
  ["PV_POLICY", "", null],
  ["PV_POLICY", "../x", NOTHING],
  ["PV_POLICY", ".hidden", NOTHING],
  ["PV_BOOTLOADER_TYPE", "uboot-env", "uboot-env"],
  ["PV_BOOTLOADER_TYPE", "none", "none"],
  ["PV_BOOTLOADER_TYPE", "lilo", NOTHING],
  ["PV_WDT_MODE", "Always", NOTHING],
  ["PV_STORAGE_DEVICE", "a\u0000b", NOTHING],
  ["PV_STORAGE_DEVICE", "x".repeat(5000), NOTHING],
])("%s=%j gives %j", (key, text, value) => {
  expect(set(key, text)).toEqual(value);
});

test.each([
  ["PV_STORAGE_WAIT", "2min", "120"],
  ["PV_SECUREBOOT_HANDLERS", "no", "0"],
  ["PV_LOG_DIR_MAXSIZE", "1K", "1024"],
  ["PV_LOG_DIR_MAXSIZE", "5%", "5%"],
  ["PV_LOG_SERVER_OUTPUTS", "stdout,filetree", "filetree,stdout"],
  ["PV_STORAGE_DEVICE", "LABEL=data", "LABEL=data"],
])("%s=%s is shown as %s", (key, text, shown) => {
  const { entries } = resolveConfig({ environment: { [key]: text } });
  expect(entries.find((e) => e.key === key)?.value).toBe(shown);
});

test.each([
  ["PV_LOG_CAPTURE", "no", "log.capture", false],
  ["PV_LOG_LEVEL", "4", "log.level", 4],
  ["PV_UPDATER_GOALS_TIMEOUT", "2min", "updater.goals.timeout", 120],
  ["PV_BOOTLOADER_TYPE", "grub", "bootloader.type", 2],
  ["PV_SECUREBOOT_MODE", "strict", "secureboot.mode", 3],
  ["PV_WDT_MODE", "startup", "wdt.mode", 2],
  ["PV_LOG_SERVER_OUTPUTS", "stdout,filetree", "log.server.outputs", 12],
  ["PV_STORAGE_DEVICE", "", "storage.device", null],
  ["PV_STORAGE_DEVICE", "LABEL=pvdata", "storage.device", "LABEL=pvdata"],
  ["PH_CREDS_SECRET", "hush", "creds.secret", "XXXX"],
] as const)("%s=%s has the original's older name and encoding", (key, text, alias, value) => {
  const { entries } = resolveConfig({ environment: { [key]: text } });
  expect(entries.find((e) => e.key === key)?.legacy).toEqual({ alias, value });
});

test("a key that never had an older name has no older encoding", () => {
  expect(resolveConfig({}).entries.find((e) => e.key === "PV_OEM_NAME")?.legacy).toBeNull();
});
