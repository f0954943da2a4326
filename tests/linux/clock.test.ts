import { expect, test } from "bun:test";
import { setSystemClock } from "../../runtime/linux/index.ts";
import { mustFail } from "../store/world.ts";

test("a time that no clock can show is refused by the kernel, whoever asks", () => {
  for (const ms of [-1, Number.MAX_SAFE_INTEGER * 1000]) {
    const { call, code } = mustFail(setSystemClock(ms));
    expect([call, code]).toEqual(["clock_settime", "EINVAL"]);
  }
});
