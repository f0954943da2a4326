import { expect, test } from "bun:test";
import { wantedDrivers } from "../../runtime/containers/drivers.ts";
import { parsed } from "../state/samples.ts";

const { drivers } = parsed({
  "bsp/drivers.json": {
    "#spec": "driver-aliases@1",
    all: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the format's own placeholder
      wifi: ["cfg80211", "brcmfmac  debug=${user-meta:wifi.debug} ${user-meta:none}"],
      none: [],
    },
    "fitconfig:board-a": { wifi: ["extra"], bluetooth: ["hci_uart"] },
    "fitconfig:board-b": { modem: ["cdc_acm"] },
  },
});
const userMeta = (key: string): string => (key === "wifi.debug" ? "0x10" : "");
const wanted = (required: readonly string[], optional: readonly string[], fitConfig: string | null) =>
  wantedDrivers({ required, optional, manual: ["bluetooth"] }, drivers, fitConfig, userMeta);

test("an alias is its modules in their order, with options, placeholders filled in", () => {
  expect(wanted(["wifi"], [], null)).toEqual([
    {
      alias: "wifi",
      required: true,
      modules: [
        { module: "cfg80211", options: "" },
        { module: "brcmfmac", options: "debug=0x10" },
      ],
    },
  ]);
});

test("the board's own section adds to the one for all boards, others do not count", () => {
  const modules = (alias: string, fitConfig: string | null) =>
    wanted([alias], [], fitConfig)[0]?.modules?.map(({ module }) => module) ?? null;
  expect(modules("wifi", "board-a")).toEqual(["cfg80211", "brcmfmac", "extra"]);
  expect(modules("bluetooth", "board-a")).toEqual(["hci_uart"]);
  expect(modules("bluetooth", "board-b")).toBeNull();
  expect(modules("bluetooth", null)).toBeNull();
  expect(modules("modem", "board-b")).toEqual(["cdc_acm"]);
});

test("an alias of no module is known, one that no section has is not", () => {
  expect(wanted(["none", "unheard-of"], [], null).map(({ modules }) => modules)).toEqual([[], null]);
});

test("required ones come first, manual ones are not loaded by a start", () => {
  expect(wanted(["none"], ["wifi"], "board-a").map(({ alias, required }) => [alias, required])).toEqual([
    ["none", true],
    ["wifi", false],
  ]);
});
