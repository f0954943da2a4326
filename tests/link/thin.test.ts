/** `make proof-thin` in small: an object over a thin link that loses packets and goes away now and then, the device's power cut once or so. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const SETTINGS = { BYTES: 160_000, BITS: 40_000, DELAY: 100, LOSS: 5, UP: 15, DOWN: 5, CUT: 30, SEED: 3 };

test("on a thin link most of an object comes in datagrams, and all of it arrives for few bytes more", async () => {
  const env = Object.fromEntries(Object.entries(SETTINGS).map(([name, value]) => [name, String(value)]));
  const run = Bun.spawn([process.execPath, join(import.meta.dir, "thin.ts")], {
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, problems, code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited]);
  expect(code, `${out}${problems}\nneeds unshare, ip, nsenter, and /dev/net/tun`).toBe(0);
  const [, came, went, share] = /: (\d+) bytes to the device, (\d+) from it, ([\d.]+) of the payload/.exec(out) ?? [];
  const datagrams = Number(/"datagrams":(\d+)/.exec(out.slice(out.lastIndexOf('{"toDevice"')))?.[1]);
  console.log(
    `# thin link: ${came} bytes to the device, ${went} from it, ${share} of the payload, ${datagrams} in datagrams`,
  );
  expect(datagrams).toBeGreaterThan(SETTINGS.BYTES / 2);
  expect(Number(came)).toBeGreaterThanOrEqual(SETTINGS.BYTES);
  expect(Number(share)).toBeLessThan(1.25); // the connections of so small an object weigh more
}, 600_000);
