import { describe, expect, test } from "bun:test";
import { container, DIGEST, type Members, type RefusedCase, refusal } from "./samples.ts";

const bsp = (run: Members, files: Members = {}): Members => ({ "bsp/run.json": run, ...files });
const web = (run: Members, more: Members = {}): Members => ({ ...container("web", run), ...more });

const cases: readonly RefusedCase[] = [
  // 1.4: bsp/run.json
  ["a bsp without boot files", bsp({}), "incomplete bsp/run.json", "fit, or rpiab, or both linux and initrd"],
  [
    "a bsp with a kernel alone",
    bsp({ linux: "k", initrd: "" }, { "bsp/k": DIGEST }),
    "incomplete bsp/run.json",
    "both linux and initrd",
  ],
  [
    "a bsp whose FIT is no key",
    bsp({ fit: "pantavisor.fit" }),
    "file bsp/run.json, fit",
    'no key "bsp/pantavisor.fit"',
  ],
  [
    "a bsp whose addon is no key",
    bsp({ fit: "f", addons: ["a", "b"] }, { "bsp/f": DIGEST, "bsp/a": DIGEST }),
    "file bsp/run.json, addons[1]",
    'no key "bsp/b"',
  ],
  [
    "a bsp whose rootfs is no key",
    bsp({ fit: "f", rootfs: "r.squashfs" }, { "bsp/f": DIGEST }),
    "file bsp/run.json, rootfs",
    "r.squashfs",
  ],
  [
    "a kernel outside bsp",
    bsp({ linux: "../k", initrd: "i" }, { "bsp/i": DIGEST, k: DIGEST }),
    "shape bsp/run.json, linux",
    "directly in",
  ],
  [
    "modules that are no key",
    bsp({ fit: "f", modules: "m.squashfs" }, { "bsp/f": DIGEST }),
    "file bsp/run.json, modules",
    "m.squashfs",
  ],
  [
    "modules with a relative path",
    bsp({ fit: "f", modules: "a/m.squashfs" }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, modules",
    "a/m.squashfs",
  ],
  [
    "modules of the wrong type",
    bsp({ fit: "f", modules_6: 6 }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, modules_6",
    "found 6, wanted a string",
  ],
  [
    "dm: before an absolute path",
    bsp({ fit: "f", modules: "dm:/m.squashfs" }, { "bsp/f": DIGEST }),
    "incomplete bsp/run.json, modules",
    "behind dm:",
  ],
  ["a bsp that is an array", { "bsp/run.json": [] }, "shape bsp/run.json", "found an array of 0, wanted an object"],
  [
    "addons that are no array",
    bsp({ fit: "f", addons: "x" }, { "bsp/f": DIGEST }),
    "shape bsp/run.json, addons",
    "an array of 0 to 256 items",
  ],
  // 1.8, 1.9: drivers and services
  ["a driver section that is a list", { "bsp/drivers.json": { all: [] } }, "shape bsp/drivers.json, all", "an object"],
  [
    "a driver alias that is text",
    { "bsp/drivers.json": { all: { wifi: "x" } } },
    "shape bsp/drivers.json, all.wifi",
    "an array",
  ],
  [
    "an unknown service type",
    web({}, { "web/services.json": [{ name: "a", type: "smoke" }] }),
    "shape web/services.json, [0].type",
    '"rest"',
  ],
  [
    "a service without name and owns",
    web({}, { "web/services.json": { services: [{ type: "unix" }] } }),
    "missing web/services.json, services[0]",
    "neither name nor owns",
  ],
  [
    "an exported system-bus",
    web({}, { "web/services.json": [{ name: "system-bus", type: "dbus" }] }),
    "clash web/services.json, [0]",
    "the runtime's own",
  ],
  [
    "one bus name owned twice",
    web(
      {},
      {
        "web/services.json": [
          { type: "dbus", bus: "b", owns: "o" },
          { type: "dbus", bus: "b", owns: "o" },
        ],
      },
    ),
    "clash web/services.json",
    '"o" on the bus "b" a second time',
  ],
  [
    "a required service that nobody exports",
    web({ services: { required: ["x"] } }),
    "unknown web/run.json, services.required[0]",
    '"x", which no container exports',
  ],
  [
    "a service request without name",
    web({ services: { optional: [{}] } }),
    "shape web/run.json, services.optional[0]",
    "the name of a service",
  ],
];

describe("a state is refused for", () => {
  test.each(cases)("%s", (_what, members, fault, sentence) => {
    const refused = refusal(members);
    expect(refused.faults).toContain(fault);
    expect(refused.sentence).toContain(sentence);
  });
});
