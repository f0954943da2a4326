import { afterEach, describe, expect, test } from "bun:test";
import { explainLoader, type Loader } from "../../runtime/loader/index.ts";
import { must, mustFail, removeFolders, revision } from "../store/world.ts";
import { bootable, devices, quickDisk } from "./drivers.ts";

afterEach(removeFolders);

const [one, two] = [revision("1"), revision("2")];

/** What the loader says, asked as a new process would. */
describe.each(Object.entries(devices))("%s", (name, make) => {
  const begin = async () => {
    const device = make();
    const fresh = (): Promise<Loader> => device.open(quickDisk());
    const says = async () => must(await (await fresh()).read());
    const loader = await fresh();
    for (const rev of [one, two]) must(await loader.install(rev, bootable));
    return { device, loader, says };
  };

  test("says nothing as long as nothing was committed or armed", async () => {
    expect(await (await begin()).says()).toEqual({ committed: null, trial: null });
  });

  test("armed, then committed: the trial becomes the committed one, in one step", async () => {
    const { loader, says } = await begin();
    must(await loader.arm(two));
    expect(await says()).toEqual({ committed: null, trial: two });
    must(await loader.commit(two));
    expect(await says()).toEqual({ committed: two, trial: null });
  });

  test("armed, then disarmed: what was committed stays", async () => {
    const { loader, says } = await begin();
    must(await loader.commit(two));
    must(await loader.install(one, bootable));
    must(await loader.arm(one));
    expect(await says()).toEqual({ committed: two, trial: one });
    must(await loader.disarm());
    expect(await says()).toEqual({ committed: two, trial: null });
  });

  test("another revision is armed over the first", async () => {
    const { loader, says } = await begin();
    must(await loader.arm(two));
    must(await loader.install(one, bootable));
    must(await loader.arm(one));
    expect(await says()).toEqual({ committed: null, trial: one });
  });

  test("every call may be repeated", async () => {
    const { loader, says } = await begin();
    for (const _ of [1, 2]) must(await loader.arm(two));
    for (const _ of [1, 2]) must(await loader.disarm());
    for (const _ of [1, 2]) must(await loader.commit(two));
    expect(await says()).toEqual({ committed: two, trial: null });
    for (const _ of [1, 2]) must(await loader.install(two, bootable));
    expect(await says()).toEqual({ committed: two, trial: null });
  });

  test("variables of others survive, also those whose name begins like ours", async () => {
    const { device, loader } = await begin();
    must(await loader.arm(two));
    must(await loader.commit(two));
    must(await loader.disarm());
    expect(Object.fromEntries(device.seen())).toEqual({
      pv_rev: "2",
      pv_trying_else: "kept",
      bootdelay: "2",
      empty: "",
    });
  });

  const anyName = !name.startsWith("rpiab"); // has only the trails that the device has
  if (anyName)
    test("the longest name of a revision fits twice", async () => {
      const { loader, says } = await begin();
      const [a, b] = [revision(`locals/${"a".repeat(64)}`), revision(`locals/${"b".repeat(64)}`)];
      must(await loader.commit(a));
      must(await loader.arm(b));
      expect(await says()).toEqual({ committed: a, trial: b });
    });

  test("a trial needs no argument for reboot(2), unless the boot partition changes", async () => {
    const { loader } = await begin();
    must(await loader.arm(two));
    const wanted = name === "rpiab, another image" ? "0 tryboot" : null;
    expect(must(await loader.rebootArgument(true))).toBe(wanted);
    expect(must(await loader.rebootArgument(false))).toBe(null);
  });

  test("says by which type it goes, and whether it can try", async () => {
    const { loader } = await begin();
    expect(name).toStartWith(loader.type);
    expect(loader.canTry).toBe(loader.type !== "none");
  });

  test("a disk that fails is a value with a sentence", async () => {
    const device = make();
    const dead = async () => ({
      ok: false as const,
      error: { kind: "io" as const, call: "x", path: "p", why: "w", code: "EIO" },
    });
    const loader = await device.open({ ...quickDisk(), open: dead }, (area) => ({ ...area, read: dead }));
    for (const call of [() => loader.read(), () => loader.arm(two), () => loader.commit(two), () => loader.disarm()]) {
      expect(explainLoader(mustFail(await call()))).toBe(
        "w: x p: EIO (the storage medium is failing or its file system damaged: check it with fsck, look at the kernel log)",
      );
    }
  });
});
