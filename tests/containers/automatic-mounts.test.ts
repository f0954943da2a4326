import { describe, expect, test } from "bun:test";
import { automaticMounts, type HostFacts } from "../../runtime/containers/automatic-mounts.ts";
import { type Members, parsedContainer } from "../state/samples.ts";

const layout = { storage: "/storage", revision: "7", runDir: "/run/pv", logDir: "/storage/logs" };
const bare: HostFacts = { modulesRelease: null, hasFirmware: false, libFolder: "lib" };
const mounts = (run: Members, host: HostFacts = bare) =>
  automaticMounts(parsedContainer(run), layout, host).map(
    ({ source, target, options }) => `${source} ${target} ${options}`,
  );
const own = "/run/cairn/containers/web";

describe("what a container sees as /pantavisor", () => {
  const narrow = [
    `${own}/pv-ctrl pantavisor/pv-ctrl bind,rw,create=file`,
    "/storage/logs/7/web pantavisor/logs/7/web bind,ro,create=dir",
    "/run/pv/user-meta.web pantavisor/user-meta bind,ro,create=dir",
    "/run/pv/device-meta.web pantavisor/device-meta bind,ro,create=dir",
  ];

  test.each([[[]], [["nobody"]]])("with the roles %j is its own socket, logs and metadata", (roles) => {
    expect(mounts({ roles })).toEqual(narrow);
  });

  test.each([[["mgmt"]], [["nobody", "mgmt"]]])("with the roles %j is the whole run folder, read-only", (roles) => {
    expect(mounts({ roles })).toEqual([`${own}/pantavisor pantavisor rbind,ro,create=dir`]);
  });

  test("without the key is what it is for nobody", () => {
    expect(mounts({})).toEqual(narrow);
  });
});

describe("kernel modules and firmware of the host", () => {
  const host: HostFacts = { modulesRelease: "6.1.0", hasFirmware: true, libFolder: "lib" };
  const fromHost = (run: Members, facts: HostFacts) =>
    mounts({ roles: [], ...run }, facts).filter((line) => line.startsWith("/lib/"));

  test("are there, read-only, where the container keeps /lib", () => {
    expect(fromHost({}, host)).toEqual([
      "/lib/modules/6.1.0 lib/modules/6.1.0 bind,ro,create=dir,optional",
      "/lib/firmware lib/firmware bind,ro,create=dir,optional",
    ]);
    expect(fromHost({}, { ...host, libFolder: "usr/lib" })).toEqual([
      "/lib/modules/6.1.0 usr/lib/modules/6.1.0 bind,ro,create=dir,optional",
      "/lib/firmware usr/lib/firmware bind,ro,create=dir,optional",
    ]);
  });

  test("are not there when the manifest says no, or the host has none", () => {
    expect(fromHost({ automodfw: "no" }, host)).toEqual([]);
    expect(fromHost({}, bare)).toEqual([]);
  });
});
