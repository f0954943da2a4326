import { expect, test } from "bun:test";
import { type ContainerError, explainContainerError } from "../../runtime/containers/index.ts";

const step = { kind: "tmpfs", target: "/volumes/web/cache" } as const;
const sys = { kind: "sys", call: "mount", args: { target: "/x" }, errno: 12, code: "ENOMEM" } as const;

const cases: readonly (readonly [ContainerError, string])[] = [
  [
    { kind: "unknownDisk", volume: "keys", disk: "vault" },
    'volume keys wants disk "vault", which device.json does not define',
  ],
  [
    { kind: "unsupportedDisk", volume: "keys", disk: "vault", type: "dm-crypt-caam" },
    'volume keys is on disk "vault" of type dm-crypt-caam, which this version cannot mount',
  ],
  [
    { kind: "volume", step, cause: { kind: "missing", path: "/storage/trails/7/web/x" } },
    "volume /volumes/web/cache: /storage/trails/7/web/x is not there",
  ],
  [
    { kind: "volume", step, cause: sys },
    'volume /volumes/web/cache cannot be mounted: mount(target="/x"): ENOMEM, Cannot allocate memory',
  ],
  [
    { kind: "driver", alias: "wifi", cause: { kind: "undefinedAlias" } },
    'required driver "wifi" is not defined in bsp/drivers.json',
  ],
  [
    { kind: "driver", alias: "wifi", cause: sys },
    'required driver "wifi" cannot be loaded: mount(target="/x"): ENOMEM, Cannot allocate memory',
  ],
  [{ kind: "file", path: "/storage/x", cause: "EROFS" }, "/storage/x: EROFS"],
  [{ kind: "unsupported", what: "pools come later" }, "pools come later"],
];

test.each(cases)("%j is told in words", (error, sentence) => {
  expect(explainContainerError(error)).toBe(sentence);
});
