import { describe, expect, test } from "bun:test";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { appWorld } from "./fake-images.ts";

const NGINX = {
  config: { Cmd: ["nginx", "-g", "daemon off;"], Volumes: { "/data": {} }, ExposedPorts: { "80/tcp": {} } },
};

const sourceOf = (text: string) => JSON.parse(text);

describe("app add", () => {
  test("makes a container of an image, and a src.json from which it can be made again", async () => {
    using world = appWorld();
    world.write("device.json", '{"groups":[{"name":"root"},{"name":"app"}]}');
    world.write("_hostconfig/pvr/docker.json", '{"platforms":["linux/arm64","linux/arm/v7"]}');
    world.images.set("reg:5000/nginx:1.27", { ...NGINX, digest: "reg:5000/nginx@sha256:77" });
    const words = ["--from", "reg:5000/nginx:1.27", "--volume", "/var/lib:boot@ssd", "--status-goal", "READY"];
    const roles = ["--arg", "PV_ROLES=mgmt", "--arg", "PV_ROLES=nobody", "--arg", "PV_DEBUG_MODE=yes"];
    const ran = await world.run("add", "web", ...words, ...roles);
    expect(ran).toEqual({
      exit: 0,
      out:
        "web: new root, reg:5000/nginx@sha256:77\n  web/lxc.container.conf\n  web/root.erofs\n" +
        "  web/root.erofs.docker-digest\n  web/run.json\n  web/src.json\n",
      err: "",
    });
    expect(world.read("web/root.erofs")).toBe("erofs:root");
    expect(world.read("web/root.erofs.docker-digest")).toBe("reg:5000/nginx@sha256:77");
    expect(JSON.parse(world.read("web/run.json"))).toMatchObject({
      group: "app",
      roles: ["mgmt", "nobody"],
      status_goal: "READY",
      "root-volume": "root.erofs",
      storage: {
        "docker--data": { persistence: "permanent" },
        "docker--var-lib": { persistence: "boot", disk: "ssd" },
      },
    });
    expect(world.read("web/lxc.container.conf")).toContain('lxc.init.cmd = nginx "-g" "daemon off;"\n');
    expect(sourceOf(world.read("web/src.json"))).toEqual({
      "#spec": "service-manifest-src@1",
      template: "builtin-lxc-docker",
      args: { PV_ROLES: ["mgmt", "nobody"], PV_DEBUG_MODE: "yes", PV_STATUS_GOAL: "READY" },
      docker_name: "reg:5000/nginx",
      docker_tag: "1.27",
      docker_digest: "reg:5000/nginx@sha256:77",
      docker_source: "remote,local",
      docker_config: NGINX.config,
      persistence: { "/var/lib": "boot@ssd" },
      format: "erofs",
    });
    expect(world.asked[0]?.platforms).toEqual(["linux/arm64", "linux/arm/v7"]);
    expect(world.closed).toBe(1);
  });

  test("looks the image's user up in the image", async () => {
    using world = appWorld();
    world.images.set("a", { config: { Cmd: ["/a"], User: "www" }, passwd: "www:x:33:34::/var/www:/bin/sh\n" });
    expect((await world.run("add", "web", "--from", "a")).exit).toBe(0);
    expect(world.read("web/lxc.container.conf")).toContain("lxc.init.uid = 33\nlxc.init.gid = 34\n");
    // And remembers it: the template can run again without the image.
    expect((await world.run("install", "web")).exit).toBe(0);
    expect(world.read("web/lxc.container.conf")).toContain("lxc.init.uid = 33\n");
    expect(world.asked).toHaveLength(1);
  });

  test("guards the root by dm-verity where it is asked to", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    expect(await world.run("add", "web", "--from", "a", "--verity")).toMatchObject({ exit: 0, err: "" });
    expect(JSON.parse(world.read("web/run.json"))["root-volume"]).toBe("dm:root.erofs");
    expect(sourceOf(world.read("web/src.json"))["dm_enabled"]).toEqual({ "root.erofs": true });
    expect(world.files()).toContain("web/_dm/root.erofs.json");
    // It goes with the root that it guards.
    world.images.set("a:latest", { ...NGINX, digest: "a@sha256:2", root: "two" });
    expect((await world.run("update", "web", "--format", "squashfs")).exit).toBe(0);
    expect(world.files().filter((file) => file.includes("root."))).toEqual([
      "web/_dm/root.squashfs.json",
      "web/root.squashfs",
      "web/root.squashfs.docker-digest",
      "web/root.squashfs.hash",
    ]);
    expect(world.read("web/root.squashfs.hash")).toBe("tree of squashfs:two");
  });

  test("packs a root file system, which is known by what it is packed to", async () => {
    using world = appWorld();
    world.write("settings.json", '{"Cmd":["/bin/serve"]}');
    world.images.set("./rootfs", { root: "x" });
    const config = join(world.root, "settings.json");
    const words = ["--type", "rootfs", "--from", "./rootfs", "--format", "squashfs", "--config-json", config];
    expect(await world.run("add", "web", ...words)).toMatchObject({ exit: 0, err: "" });
    const digest = `sha256:${new Bun.CryptoHasher("sha256").update("squashfs:x").digest("hex")}`;
    expect(world.read("web/root.squashfs.rootfs-digest")).toBe(digest);
    expect(sourceOf(world.read("web/src.json"))).toMatchObject({ rootfs_url: "./rootfs", rootfs_digest: digest });
    expect(world.read("web/lxc.container.conf")).toContain("lxc.init.cmd = /bin/serve\n");
  });

  test("keeps files that the author has put into the folder before", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    world.write("web/services.json", "[]");
    world.write("web/more/deep", "x");
    expect((await world.run("add", "web", "--from", "a")).exit).toBe(0);
    expect(world.read("web/services.json")).toBe("[]");
    expect(world.read("web/more/deep")).toBe("x");
  });

  test.each<[string, readonly string[], number, string]>([
    ["no image", ["add", "web"], 2, "--from is missing"],
    ["an unknown format", ["add", "web", "--from", "a", "--format", "zip"], 2, "erofs or squashfs"],
    ["an argument without a value", ["add", "web", "--from", "a", "--arg", "PV_GROUP"], 2, "NAME=VALUE"],
    ["an image that is not there", ["add", "web", "--from", "b"], 1, "b: there is no such image"],
    ["a name that no container has", ["add", "../web", "--from", "a"], 1, "cannot be a container's name"],
    ["the base system's name", ["add", "bsp", "--from", "a"], 1, "cannot be a container's name"],
    ["a group that the device does not have", ["add", "web", "--from", "a", "--group", "ap"], 1, "there is root, app"],
    [
      "an argument that the template cannot use",
      ["add", "web", "--from", "a", "--arg", "PV_LXC_NETWORK_TYPE=x"],
      1,
      "args.PV_LXC_NETWORK_TYPE",
    ],
  ])("with %s makes nothing and says why", async (_what, words, exit, sentence) => {
    using world = appWorld();
    world.write("device.json", '{"groups":[{"name":"root"},{"name":"app"}]}');
    world.images.set("a", NGINX);
    const ran = await world.run(...words);
    expect(ran.exit).toBe(exit);
    expect(ran.err).toContain(sentence);
    expect(world.files()).toEqual(["device.json"]);
  });

  test("says what a device would refuse as it is now", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    const words = ["add", "web", "--from", "a", "--arg", "PV_EXTRA_VOLUMES=maps.squashfs,more.squashfs"];
    const ran = await world.run(...words);
    expect(ran.exit).toBe(0);
    expect(ran.err).toContain("a device would not take it yet: the state is refused: web/run.json, volumes[0]");
    world.write("web/maps.squashfs", "x");
    world.write("web/more.squashfs", "y");
    expect(await world.run("install", "web")).toMatchObject({ exit: 0, err: "" });
  });

  test("of what is there already changes nothing and names the command for it", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    world.images.set("b", { ...NGINX, digest: "b@sha256:2" });
    await world.run("add", "web", "--from", "a");
    const before = world.read("web/src.json");
    const ran = await world.run("add", "web", "--from", "b");
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("cairn app update web");
    expect(world.read("web/src.json")).toBe(before);
  });

  test("outside of a repository says so", async () => {
    using world = appWorld();
    rmSync(join(world.root, ".pvr"), { recursive: true });
    const ran = await world.run("ls");
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("has no repository");
  });
});

describe("a command that fails leaves the folder as it was:", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["the image cannot be packed", "broken", 1],
    ["its user is nobody", "nobody", 1],
    ["it is gone", "gone", 1],
    ["somebody presses Ctrl-C", "slow", 130],
  ];
  test.each(cases)("%s", async (_what, from, exit) => {
    using world = appWorld();
    world.images.set("a", NGINX);
    world.images.set("broken", { ...NGINX, digest: "b@sha256:2", packFails: "mkfs.erofs failed" });
    world.images.set("slow", { ...NGINX, digest: "b@sha256:4", interrupted: true });
    world.images.set("nobody", { config: { User: "nobody" }, digest: "b@sha256:3" });
    await world.run("add", "web", "--from", "a");
    const before = world.files().map((file) => [file, world.read(file), statSync(join(world.root, file)).ino]);
    const ran = await world.run("update", "web", "--from", from);
    expect(ran.exit).toBe(exit);
    expect(world.files().map((file) => [file, world.read(file), statSync(join(world.root, file)).ino])).toEqual(before);
    expect(readdirSync(join(world.root, ".pvr/cairn"))).toEqual([]);
    expect(world.closed).toBe(world.asked.length - (from === "gone" ? 1 : 0));
  });

  test("it was killed: what it left does not stop the next one", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    world.write(".pvr/cairn/app-web/root.erofs", "half a file");
    expect((await world.run("add", "web", "--from", "a")).exit).toBe(0);
    expect(world.read("web/root.erofs")).toBe("erofs:root");
  });
});

describe("app update", () => {
  test("of an image that is still the same packs nothing; of another one everything", async () => {
    using world = appWorld();
    world.images.set("a:1", { ...NGINX, digest: "a@sha256:1" });
    await world.run("add", "web", "--from", "a:1");
    expect((await world.run("update", "web", "--arg", "PV_ROLES=mgmt")).out).toContain("web: same root, a@sha256:1\n");
    expect(JSON.parse(world.read("web/run.json"))["roles"]).toEqual(["mgmt"]);
    expect(world.packs).toBe(1);
    world.images.set("a:1", { ...NGINX, digest: "a@sha256:2", root: "new" });
    expect((await world.run("update", "web")).out).toContain("web: new root, a@sha256:2\n");
    expect(world.read("web/root.erofs")).toBe("erofs:new");
  });

  test("keeps what pvr wrote and what nobody knows, the format of the root too", async () => {
    using world = appWorld();
    world.images.set("old:latest", { ...NGINX, digest: "old@sha256:2" });
    world.write(
      "web/src.json",
      JSON.stringify({ docker_name: "old", mine: { a: 1 }, args: { PV_GROUP: "app" }, docker_tag: "latest" }),
    );
    world.write("web/root.squashfs", "old");
    world.write("web/root.squashfs.docker-digest", "old@sha256:1");
    expect(await world.run("update", "web")).toMatchObject({ exit: 0 });
    expect(world.files().filter((file) => file.includes("root."))).toEqual([
      "web/root.squashfs",
      "web/root.squashfs.docker-digest",
    ]);
    expect(sourceOf(world.read("web/src.json"))).toMatchObject({ mine: { a: 1 }, args: { PV_GROUP: "app" } });
    expect(await world.run("update", "web", "--format", "erofs")).toMatchObject({ exit: 0 });
    expect(world.files().filter((file) => file.includes("root."))).toEqual([
      "web/root.erofs",
      "web/root.erofs.docker-digest",
    ]);
  });

  test("of an overlay says that it cannot be made yet, and changes nothing", async () => {
    using world = appWorld();
    const text = JSON.stringify({ docker_name: "a", docker_ovl_digest: "a@sha256:1" });
    world.write("web/src.json", text);
    const ran = await world.run("update", "web");
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("patch and base mode");
    expect(world.read("web/src.json")).toBe(text);
  });
});

describe("app install", () => {
  test("fetches exactly the image that src.json names, and only when the root is another's", async () => {
    using world = appWorld();
    world.images.set("a:1", { ...NGINX, digest: "a@sha256:1" });
    world.images.set("a@sha256:1", { ...NGINX, digest: "a@sha256:1", root: "pinned" });
    await world.run("add", "web", "--from", "a:1");
    world.write("web/root.erofs.docker-digest", "a@sha256:0");
    expect((await world.run("install", "web")).exit).toBe(0);
    expect(world.asked.at(-1)?.from).toBe("a@sha256:1");
    expect(world.read("web/root.erofs")).toBe("erofs:pinned");
    const asked = world.asked.length;
    expect((await world.run("install", "web")).exit).toBe(0);
    expect(world.asked).toHaveLength(asked);
  });

  test("refuses what is another image by now", async () => {
    using world = appWorld();
    world.images.set("./layout", { ...NGINX, digest: "sha256:1" });
    await world.run("add", "web", "--from", "./layout");
    world.images.set("./layout", { ...NGINX, digest: "sha256:2" });
    world.write("web/root.erofs.docker-digest", "");
    const ran = await world.run("install", "web");
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain("is sha256:2 by now");
  });

  test("of what nothing describes names those that there are", async () => {
    using world = appWorld();
    world.images.set("a", NGINX);
    await world.run("add", "web", "--from", "a");
    expect((await world.run("install", "wbe")).err).toContain("there is web");
  });
});

describe("app ls, info and rm", () => {
  test("show and remove what is there", async () => {
    using world = appWorld();
    world.images.set("a:1", NGINX);
    await world.run("add", "web", "--from", "a:1", "--group", "app");
    world.write("_config/web/etc/motd", "hi");
    expect((await world.run("ls")).out).toBe("NAME  GROUP  GOAL  FROM\nweb   app          a:1\n");
    expect(JSON.parse((await world.run("ls", "--json")).out)).toEqual({
      name: "web",
      group: "app",
      goal: "",
      from: "a:1",
    });
    const { out } = await world.run("info", "web");
    expect(out).toContain("80/tcp");
    expect(out).toContain("root.erofs");
    expect((await world.run("rm", "web")).exit).toBe(0);
    expect(world.files()).toEqual(["_config/web/etc/motd"]);
    expect((await world.run("rm", "web")).exit).toBe(1);
  });
});
