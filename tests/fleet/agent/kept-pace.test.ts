import { afterEach, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { openKeptPace } from "../../../runtime/fleet/agent/kept-pace.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { emptyFolder, removeFolders } from "../../store/world.ts";

afterEach(removeFolders);

const warnings: string[] = [];
const open = (folder: string) =>
  openKeptPace({ disk: realDisk, folder, warn: (message) => void warnings.push(message) });
async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries += 1) {
    if (tries === 500) throw new Error("it does not come");
    await Bun.sleep(2);
  }
}

test("what was measured is known after a restart", async () => {
  const folder = emptyFolder();
  const first = await open(folder);
  expect(first.bytesPerS).toBeNull();
  first.measured({ bytesPerS: null });
  first.measured({ bytesPerS: 912.4 });
  expect(first.bytesPerS).toBe(912.4);
  await until(() => existsSync(`${folder}/link-pace.json`));
  expect((await open(folder)).bytesPerS).toBe(912);
});

test("is written down when it is another by much, and not for each change", async () => {
  const folder = emptyFolder();
  const path = `${folder}/link-pace.json`;
  const kept = await open(folder);
  kept.measured({ bytesPerS: 1_000 });
  await until(() => existsSync(path));
  const { ino } = statSync(path);
  for (const bytesPerS of [900, 400, 2_900, 1_200]) kept.measured({ bytesPerS });
  expect(kept.bytesPerS).toBe(1_200);
  kept.measured({ bytesPerS: 30_000 });
  await until(() => statSync(path).ino !== ino);
  expect(readFileSync(path, "utf8")).toBe('{"bytesPerS":30000}\n');
});

test("a damaged one is measured anew, and one that cannot be written is told", async () => {
  const folder = emptyFolder();
  for (const text of ["", "{}", '{"bytesPerS":-1}', '{"bytesPerS":"9"}', "x".repeat(300)]) {
    writeFileSync(`${folder}/link-pace.json`, text);
    expect((await open(folder)).bytesPerS).toBeNull();
  }
  const nowhere = await open(`${folder}/link-pace.json/no-folder`);
  nowhere.measured({ bytesPerS: 1 });
  await until(() => warnings.some((message) => message.startsWith("fleet/pace: ") && message.includes("no-folder")));
});
