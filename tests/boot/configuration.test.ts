import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Configuration, oemKey, readConfiguration } from "../../runtime/boot/configuration.ts";
import { addOemLevel } from "../../runtime/boot/oem.ts";
import { err, ok, type Result } from "../../runtime/result.ts";
import { DIGEST, type Members, parsed } from "../state/samples.ts";

const scratch = mkdtempSync(join(tmpdir(), "cairn-configuration-"));
afterAll(() => rmSync(scratch, { recursive: true }));
beforeEach(() => {
  rmSync(scratch, { recursive: true });
  mkdirSync(scratch);
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(scratch, path)), { recursive: true });
  writeFileSync(join(scratch, path), text);
}

const read = (commandLine = "", environment: Record<string, string> = {}): Configuration =>
  readConfiguration({ commandLine: `PV_SYSTEM_ETCDIR=${scratch}/etc ${commandLine}`, environment });
const modified = ({ entries }: Configuration, key: string) => entries.find((entry) => entry.key === key)?.modified;

describe("the configuration before storage", () => {
  test("without any file is what the command line and the environment say", () => {
    const configuration = read("pv_rev=7 PV_LOG_LEVEL=4", { PV_WDT_MODE: "disabled" });
    expect(configuration.arguments.rev).toBe("7");
    expect([configuration.config.PV_LOG_LEVEL, configuration.config.PV_WDT_MODE]).toEqual([4, "disabled"]);
    expect(configuration.warnings).toEqual([]);
  });

  test("takes its file from the folder that the command line names", () => {
    write("etc/pantavisor.config", "PV_LOG_LEVEL=5\n");
    const configuration = read();
    expect(configuration.config.PV_LOG_LEVEL).toBe(5);
    expect(modified(configuration, "PV_LOG_LEVEL")).toBe("pv conf file");
  });

  test("takes the policy that the file names from the folder that the file names", () => {
    write(
      "etc/pantavisor.config",
      `PV_POLICY=quiet\nPV_SYSTEM_ETCPANTAVISORDIR=${scratch}/elsewhere\nPV_LOG_LEVEL=5\n`,
    );
    write("elsewhere/policies/quiet.config", "PV_LOG_LEVEL=1\n");
    const configuration = read();
    expect(configuration.config.PV_LOG_LEVEL).toBe(1);
    expect(modified(configuration, "PV_LOG_LEVEL")).toBe("policy");
  });

  test("goes on without a policy file that is not there, and with a folder in a file's place", () => {
    mkdirSync(join(scratch, "etc/pantavisor.config"), { recursive: true });
    expect(read("PV_POLICY=gone").config.PV_POLICY).toBe("gone");
  });
});

describe("the OEM level", () => {
  const trail = join(scratch, "trail");
  /** What was asked to be checked, and the answer. */
  function revision(members: Members, answer: Result<void, string> = ok(undefined)) {
    const checked: string[][] = [];
    const check = async (keys: ReadonlySet<string>) => {
      checked.push([...keys]);
      return answer;
    };
    return { state: parsed(members), check, checked };
  }
  const added = async (before: Configuration, members: Members): Promise<Configuration> => {
    const result = await addOemLevel(before, revision(members), trail);
    if (!result.ok) throw new Error(result.error);
    return result.value;
  };

  test.each([
    ["", null],
    ["PV_OEM_NAME=acme", "acme/default.config"],
    ["PV_OEM_NAME=acme PV_POLICY=quiet", "acme/quiet.config"],
    ["PV_OEM_NAME=../etc", null],
  ])("with %p has its file at %p", (commandLine, key) => {
    expect(oemKey(read(commandLine))).toBe(key);
  });

  test("comes with the revision: above file and policy, below the command line, with its kernel parameters", async () => {
    write("etc/pantavisor.config", "PV_LOG_LEVEL=5\nPV_SYSCTL_KERNEL_PANIC=3\n");
    write(
      "trail/acme/default.config",
      "PV_LOG_LEVEL=1\nPV_UPDATER_GOALS_TIMEOUT=7\nPV_LOG_CAPTURE=0\nPV_SYSCTL_KERNEL_PANIC=9\nPV_WDT_MODE=disabled\n",
    );
    const before = read("PV_OEM_NAME=acme PV_LOG_CAPTURE=1");
    const after = await added(before, { "acme/default.config": DIGEST });
    expect([after.config.PV_LOG_LEVEL, after.config.PV_UPDATER_GOALS_TIMEOUT, after.config.PV_LOG_CAPTURE]).toEqual([
      1,
      7_000,
      true,
    ]);
    expect(modified(after, "PV_LOG_LEVEL")).toBe("oem config");
    expect(modified(after, "PV_LOG_CAPTURE")).toBe("env");
    expect(after.sysctls.map(({ key, value }) => `${key}=${value}`)).toEqual(["PV_SYSCTL_KERNEL_PANIC=9"]);
    // The watchdog is the board's own business.
    expect(after.config.PV_WDT_MODE).toBe("always");
    expect(after.warnings.map(({ kind }) => kind)).toEqual(["notAllowed"]);
    expect(after.arguments).toEqual(before.arguments);
  });

  test("is checked against the state before it is read", async () => {
    write("trail/acme/default.config", "PV_LOG_LEVEL=1\n");
    const damaged = revision({ "acme/default.config": DIGEST }, err("wrong bytes"));
    expect(await addOemLevel(read("PV_OEM_NAME=acme"), damaged, trail)).toEqual(err("wrong bytes"));
    expect(damaged.checked).toEqual([["acme/default.config"]]);
  });

  test("is not read from a file that the state does not name", async () => {
    write("trail/acme/default.config", "PV_LOG_LEVEL=1\n");
    const before = read("PV_OEM_NAME=acme");
    expect(await added(before, { "acme/other.config": DIGEST })).toBe(before);
  });

  test("that nobody configured changes nothing, whatever the revision brings", async () => {
    write("trail/acme/default.config", "PV_LOG_LEVEL=1\n");
    const before = read();
    expect(await added(before, { "acme/default.config": DIGEST })).toBe(before);
  });

  test("whose file went away after its check is an error", async () => {
    const result = await addOemLevel(read("PV_OEM_NAME=acme"), revision({ "acme/default.config": DIGEST }), trail);
    expect(result.ok ? "" : result.error).toContain("ENOENT");
  });
});
