/** One boot for the tests of a file: each shows another behaviour, in the order of the file. */
import { afterAll, test } from "bun:test";
import { type BootOptions, boot, type Device } from "./machine.ts";

/** Gives a `test` whose body gets the device, which boots in the first one. When a test has failed, all there is to look at is
 *  kept after the last one, and its place printed. */
export function sharedDevice(
  options: () => Promise<BootOptions>,
): (title: string, body: (device: Device) => Promise<void>) => void {
  let booted: Promise<Device> | null = null;
  let failed = false;
  afterAll(async () => {
    const device = await booted?.catch(() => null);
    if (device === null || device === undefined) return;
    if (failed) {
      const kept = await device.keep();
      console.error(`kept: ${kept}\nrepeat: ${kept}/repro.sh`);
    }
    await device[Symbol.asyncDispose]();
  }, 60_000);
  return (title, body) =>
    test(title, async () => {
      booted ??= options().then(boot);
      try {
        await body(await booted);
      } catch (cause) {
        failed = true;
        throw cause;
      }
    }, 300_000);
}
