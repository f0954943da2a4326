import { describe, expect, test } from "bun:test";
import { container, DIGEST, type Members, type RefusedCase, refusal } from "./samples.ts";

const web = (run: Members, more: Members = {}): Members => ({ ...container("web", run), ...more });

const cases: readonly RefusedCase[] = [
  ["a run.json without name", { "web/run.json": { type: "lxc" } }, "missing web/run.json, name", "nothing"],
  ["a name that is not the folder's", web({ name: "app" }), "name web/run.json, name", '"app", wanted "web"'],
  ["a name with a space", container("we b"), "name we b/run.json, name", "1 to 64 of"],
  ["a name that starts with a dash", container("-web"), "name -web/run.json, name", "1 to 64 of"],
  ["a name of 65 characters", container("a".repeat(65)), `name ${"a".repeat(65)}/run.json, name`, "1 to 64 of"],
  ["a run.json that is null", { "web/run.json": null }, "shape web/run.json", "found null, wanted an object"],
  ["an unknown type", web({ type: "runc" }), "shape web/run.json, type", '"runc", wanted "lxc"'],
  [
    "an unknown group",
    web({ group: "x" }),
    "unknown web/run.json, group",
    '"x", wanted one of "data", "root", "platform", "app"',
  ],
  ["an unknown goal", web({ status_goal: "UP" }), "shape web/run.json, status_goal", '"UP"'],
  ["roles that are text", web({ roles: "mgmt" }), "shape web/run.json, roles", "an array"],
  ["a configuration that is no key", web({ config: "x.conf" }), "file web/run.json, config", 'no key "web/x.conf"'],
  [
    "a configuration outside",
    web({ config: "../db/x.conf" }, { "db/x.conf": DIGEST }),
    "file web/run.json, config",
    "../db/x.conf",
  ],
  [
    "a started container without config",
    { "web/run.json": { name: "web", type: "lxc" } },
    "incomplete web/run.json",
    "no config",
  ],
  [
    "a started container without type",
    { "web/run.json": { name: "web", config: "c" }, "web/c": DIGEST },
    "incomplete web/run.json",
    "no type",
  ],
  [
    "a root volume that is no key",
    web({ "root-volume": "x.squashfs" }),
    "file web/run.json, root-volume",
    'no key "web/x.squashfs"',
  ],
  [
    "a root volume outside",
    web({ "root-volume": "../db/x.squashfs" }),
    "shape web/run.json, root-volume",
    "the name of a file",
  ],
  [
    "a volume without extension",
    web({ volumes: ["root"] }, { "web/root": DIGEST }),
    "shape web/run.json, volumes[0]",
    "a file system type",
  ],
  ["an unknown handler", web({ volumes: ["zip:root.squashfs"] }), "shape web/run.json, volumes[0]", "dm:"],
  ["a .data folder without files", web({ volumes: ["x.data"] }), "file web/run.json, volumes[0]", "x.data"],
  [
    "dm: without manifest",
    web({ "root-volume": "dm:root.squashfs" }),
    "verity web/_dm/root.squashfs.json",
    "the dm-verity manifest",
  ],
  [
    "a manifest of another file",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/h": DIGEST,
        "web/_dm/root.squashfs.json": { type: "dm-verity", data_device: "h", hash_device: "h", root_hash: DIGEST },
      },
    ),
    "verity web/_dm/root.squashfs.json, data_device",
    '"h", wanted "root.squashfs"',
  ],
  [
    "a manifest whose hashes are no key",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "h",
          root_hash: DIGEST,
        },
      },
    ),
    "verity web/_dm/root.squashfs.json, hash_device",
    "another file",
  ],
  [
    "a manifest that hashes itself",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "root.squashfs",
          root_hash: DIGEST,
        },
      },
    ),
    "verity web/_dm/root.squashfs.json, hash_device",
    "another file",
  ],
  [
    "a manifest with a short hash",
    web(
      { "root-volume": "dm:root.squashfs" },
      {
        "web/_dm/root.squashfs.json": {
          type: "dm-verity",
          data_device: "root.squashfs",
          hash_device: "h",
          root_hash: "00",
        },
      },
    ),
    "shape web/_dm/root.squashfs.json, root_hash",
    "a root hash",
  ],
  [
    "dm: before a .bind",
    web({ volumes: ["dm:a.bind"] }, { "web/a.bind": DIGEST }),
    "incomplete web/run.json, volumes[0]",
    "behind dm:",
  ],
  [
    "a log file with ..",
    web({ logs: [{ file: "/var/../etc/shadow" }] }),
    "shape web/run.json, logs[0].file",
    "an absolute path",
  ],
  [
    "a log name with a path",
    web({ logs: [{ file: "/a", name: "../x" }] }),
    "shape web/run.json, logs[0].name",
    "one plain component",
  ],
  ["a log size of 0", web({ logs: [{ file: "/a", maxsize: 0 }] }), "shape web/run.json, logs[0].maxsize", "above 0"],
  ["a relative export", web({ exports: ["run"] }), "shape web/run.json, exports[0]", "an absolute path"],
  ["dev-log as text", web({ "dev-log": "yes" }), "shape web/run.json, dev-log", "true or false"],
  ["an unknown network mode", web({ network: { mode: "bridge" } }), "shape web/run.json, network.mode", '"host"'],
  [
    "mode pool without pool",
    web({ network: { mode: "pool" } }),
    "incomplete web/run.json, network.mode",
    "the name of a pool",
  ],
  [
    "a bad address",
    web({ network: { pool: "a", ip: "10.0.0.256" } }),
    "shape web/run.json, network.ip",
    "an IPv4 address",
  ],
  ["a bad MAC", web({ network: { pool: "a", mac: "02:00" } }), "shape web/run.json, network.mac", "a MAC address"],
  [
    "a host name with a space",
    web({ network: { hostname: "a b" } }),
    "shape web/run.json, network.hostname",
    "a host name",
  ],
  ["text with a control character", web({ group: "a\nb" }), "shape web/run.json, group", "without control characters"],
];

describe("a state is refused for", () => {
  test.each(cases)("%s", (_what, members, fault, sentence) => {
    const refused = refusal(members);
    expect(refused.faults).toContain(fault);
    expect(refused.sentence).toContain(sentence);
  });
});
