/** What a device costs on which nothing happens: real TLS, Mosquitto and hub, the device's clock alone goes faster. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import * as v from "valibot";

const Measured = v.object({ begun: v.number(), day: v.number(), reported: v.number() });

/** In a network namespace of its own. */
async function dayOf(mode: "always" | "wake"): Promise<v.InferOutput<typeof Measured>> {
  const main = join(import.meta.dir, "day.main.ts");
  const run = Bun.spawn(["unshare", "--map-root-user", "--net", "--kill-child", process.execPath, main, mode], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, problems, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  if (code !== 0) throw new Error(`${out}${problems}\nneeds unshare, ip, nsenter, and /dev/net/tun`);
  return v.parse(Measured, JSON.parse(out));
}

test("an idle day costs at most 12 kB with a connection that is kept, and 5 kB with one a day", async () => {
  const [always, wake] = await Promise.all([dayOf("always"), dayOf("wake")]);
  console.log(`# idle day: ${always.day} bytes always on, ${wake.day} bytes waking once`);
  expect(always.day).toBeGreaterThan(49 * 150); // pings did go
  expect(always.day).toBeLessThanOrEqual(12_000);
  expect(wake.day).toBeGreaterThan(1_000); // it did connect
  expect(wake.day).toBeLessThanOrEqual(5_000);
  // What the hub shows as the cost is what was carried, but for what came after it was said.
  for (const { begun, day, reported } of [always, wake]) {
    expect(reported).toBeGreaterThan((begun + day) * 0.6);
    expect(reported).toBeLessThan((begun + day) * 1.1);
  }
}, 600_000);
