import { expect, test } from "bun:test";
import { openDebugAccess } from "../../../runtime/boot/debug-access/debug-access.ts";
import type { Denial, Served } from "../../../runtime/boot/debug-access/model.ts";
import { err, ok, type Result } from "../../../runtime/result.ts";
import { drained, virtualClock } from "../../sim/clock.ts";

const START_MS = Date.UTC(2026, 10, 26, 15);

function world() {
  const clock = virtualClock();
  const [did, said, views]: [string[], string[], (string | null)[]] = [[], [], []];
  let denial: Denial | null = null;
  let die = (_how: string): void => {};
  let starting: Promise<void> | null = null;
  const access = openDebugAccess({
    server: async () => ({
      async start(): Promise<Result<Served, Denial>> {
        did.push("start");
        await starting;
        if (denial !== null) return err(denial);
        const { promise, resolve } = Promise.withResolvers<string>();
        die = resolve;
        return ok({ fingerprint: "SHA256:x", ended: promise });
      },
      async end() {
        did.push("end");
        die("was killed");
      },
    }),
    log: { warn: (message) => void said.push(message), error: (message) => void said.push(message) },
    onChange: () => void views.push(access.view()),
    now: clock.now,
    wallMs: () => START_MS + clock.now(),
    setTimer: clock.set,
  });
  return {
    access,
    clock,
    did,
    said,
    views,
    deny: (next: Denial | null) => {
      denial = next;
    },
    hold(until: Promise<void>) {
      starting = until;
    },
    async die(how: string) {
      die(how);
      await drained();
    },
    async next() {
      const fired = clock.next();
      await drained();
      return fired;
    },
  };
}

test("it opens, says how to get in, and closes by itself", async () => {
  const { access, clock, did, said, views, next } = world();
  expect(access.view()).toBeNull();
  const until = "until 2026-11-26T15:10:00Z";
  expect(await access.open(600_000)).toEqual(ok(`SSH on port 8222 ${until}, host key SHA256:x`));
  expect([access.view(), did]).toEqual([until, ["start"]]);
  expect(await next()).toBe(true);
  expect([clock.now(), access.view(), did]).toEqual([600_000, null, ["start", "end"]]);
  expect(views).toEqual([until, null]);
  expect(said).toEqual([`debug access is open ${until}`, "debug access is closed"]);
  expect(await next()).toBe(false);
});

test("another order prolongs it, with the same server", async () => {
  const { access, clock, did, next } = world();
  await access.open(600_000);
  await access.open(60_000);
  expect(access.view()).toBe("until 2026-11-26T15:10:00Z");
  await access.open(900_000);
  expect(access.view()).toBe("until 2026-11-26T15:15:00Z");
  await next();
  expect([clock.now(), did]).toEqual([900_000, ["start", "end"]]);
});

test("what has no end stays open until it is closed", async () => {
  const { access, did, next } = world();
  await access.open(null);
  expect(access.view()).toBe("until the next boot");
  expect(await next()).toBe(false);
  expect([await access.close(), await access.close()]).toEqual([true, false]);
  expect([access.view(), did]).toEqual([null, ["start", "end"]]);
});

test("the answer waits until it listens, and who closes it meanwhile comes after", async () => {
  const { access, did, hold } = world();
  const { promise, resolve } = Promise.withResolvers<void>();
  hold(promise);
  let answered = false;
  const opening = access.open(60_000).then((done) => {
    answered = true;
    return done;
  });
  const closing = access.close();
  await drained();
  expect([answered, did]).toEqual([false, ["start"]]);
  resolve();
  expect((await opening).ok).toBe(true);
  await closing;
  expect([access.view(), did]).toEqual([null, ["start", "end"]]);
});

test("what cannot be served is not open, and is cleaned up", async () => {
  const { access, did, views, deny } = world();
  deny({ kind: "refused", why: "no key" });
  expect(await access.open(60_000)).toEqual(err({ kind: "refused", why: "no key" }));
  expect([access.view(), did, views]).toEqual([null, ["start", "end"], []]);
  deny(null);
  expect((await access.open(60_000)).ok).toBe(true);
});

test("a server that ends by itself starts again, while there is time", async () => {
  const { access, clock, did, said, die, next } = world();
  await access.open(60_000);
  await die("ended with 1");
  expect(said.at(-1)).toBe("the SSH server ended with 1");
  expect(did).toEqual(["start"]);
  await next();
  expect([clock.now(), did]).toEqual([5_000, ["start", "start"]]);
  await next();
  expect([clock.now(), did, access.view()]).toEqual([60_000, ["start", "start", "end"], null]);
});

test("an order finds a server that is gone, and starts it at once", async () => {
  const { access, did, die } = world();
  await access.open(60_000);
  await die("ended with 1");
  await access.open(60_000);
  expect(did).toEqual(["start", "start"]);
});

test("a server that does not come back is the end of it", async () => {
  const { access, did, said, die, deny, next } = world();
  await access.open(60_000);
  deny({ kind: "failed", why: "no room" });
  await die("ended with 1");
  await next();
  expect([access.view(), did]).toEqual([null, ["start", "start", "end"]]);
  expect(said.slice(-2)).toEqual(["debug access is closed", "no room"]);
  expect(await next()).toBe(false);
});
