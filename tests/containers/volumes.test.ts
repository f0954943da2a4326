import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inNamespace, privileged } from "../linux/on-host.ts";

if (privileged) {
  test("volumes are mounted all or nothing, and exports go with their container and with no other", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cairn-volumes-"));
    const { output } = await inNamespace(join(import.meta.dir, "volumes-on-host.ts"), folder);
    rmSync(folder, { recursive: true });
    const others = ["/exports", "/exports/web2/a b", "/exports/web2/a b/sub"];
    expect(JSON.parse(output)).toEqual({
      good: ["/memory", "/deep/file"],
      undone: { busy: [], mounted: [] },
      failures: {
        badImage: "EINVAL",
        missing: "missing",
        fileInTheWay: "ENOTDIR",
        left: { mounted: [], loops: 0 },
      },
      owned: [
        ["5:6", "0:0", "5:6"],
        ["7:7", "0:0", "5:6"],
      ],
      exports: {
        offered: expect.arrayContaining([...others, "/exports/web/a b", "/exports/web/a b/sub"]),
        busy: [],
        left: others,
      },
    });
  });
}
