import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha } from "../archives.ts";
import { type AppWorld, appWorld } from "./fake-images.ts";

/** Another repository, inside of the world's folder but no part of its working copy. */
function gateway(world: AppWorld, state: Readonly<Record<string, unknown>>, ...objects: string[]): string {
  const folder = join(world.root, ".pvr/gateway");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, ".pvr/objects"), { recursive: true });
  writeFileSync(join(folder, ".pvr/json"), JSON.stringify({ "#spec": "pantavisor-service-system@1", ...state }));
  for (const bytes of objects) writeFileSync(join(folder, `.pvr/objects/${sha(bytes)}`), bytes);
  return folder;
}

const nginx = (root = "root") => ({
  "nginx/root.squashfs": sha(root),
  "nginx/root.squashfs.docker-digest": sha("nginx@sha256:1"),
  "nginx/copy/of-root": sha(root),
  "nginx/lxc.container.conf": sha("old"),
  "nginx/run.json": { name: "nginx", config: "lxc.container.conf", type: "lxc", "root-volume": "root.squashfs" },
  "nginx/src.json": {
    docker_name: "nginx",
    docker_digest: "nginx@sha256:1",
    docker_config: { Cmd: ["/bin/nginx"] },
    args: { PV_ROLES: ["mgmt"] },
  },
  "other/run.json": { name: "other" },
});

describe("app add --type pvr", () => {
  test("takes a part under another name: its root as it is, its documents made anew", async () => {
    using world = appWorld();
    const from = `${gateway(world, nginx(), "root", "nginx@sha256:1", "old")}#nginx`;
    const ran = await world.run("add", "web", "--type", "pvr", "--from", from, "--status-goal", "READY");
    expect(ran).toMatchObject({ exit: 0, err: "" });
    expect(world.files()).toEqual([
      "web/copy/of-root",
      "web/lxc.container.conf",
      "web/root.squashfs",
      "web/root.squashfs.docker-digest",
      "web/run.json",
      "web/src.json",
    ]);
    expect(world.read("web/root.squashfs")).toBe("root");
    expect(world.read("web/copy/of-root")).toBe("root");
    expect(world.read("web/lxc.container.conf")).toContain("overlayfs:/volumes/web/root.squashfs:");
    expect(JSON.parse(world.read("web/run.json"))).toMatchObject({
      name: "web",
      roles: ["mgmt"],
      status_goal: "READY",
    });
    expect(JSON.parse(world.read("web/src.json"))).toMatchObject({ pvr: from, docker_name: "nginx" });
    expect(world.asked).toEqual([]);
  });

  test("keeps files that the author has put into the folder before", async () => {
    using world = appWorld();
    world.write("web/services.json", "[]");
    world.write("web/root.squashfs", "mine");
    const from = `${gateway(world, nginx(), "root", "nginx@sha256:1", "old")}#nginx`;
    expect((await world.run("add", "web", "--type", "pvr", "--from", from)).exit).toBe(0);
    expect(world.read("web/services.json")).toBe("[]");
    expect(world.read("web/root.squashfs")).toBe("root");
  });

  test("of a part that says nothing of its image keeps it as it is, and its name", async () => {
    using world = appWorld();
    const { "nginx/src.json": _, ...state } = nginx();
    const from = `${gateway(world, state, "root", "nginx@sha256:1", "old")}#nginx`;
    const renamed = await world.run("add", "web", "--type", "pvr", "--from", from);
    expect(renamed).toMatchObject({ exit: 1, out: "" });
    expect(renamed.err).toContain("its files say nginx");
    expect(world.files()).toEqual([]);
    expect((await world.run("add", "nginx", "--type", "pvr", "--from", from)).exit).toBe(0);
    expect(world.read("nginx/lxc.container.conf")).toBe("old");
    expect(JSON.parse(world.read("nginx/src.json"))).toMatchObject({ pvr: from });
  });

  test.each<[string, string, string]>([
    ["no part", "", "there is nginx, other"],
    ["a part that is not there", "#ngnix", "has no part ngnix; there is nginx, other"],
    ["several parts", "#nginx,other", "one part"],
    ["a part whose objects are elsewhere", "#nginx", "is not there"],
  ])("with %s makes nothing", async (_what, fragment, sentence) => {
    using world = appWorld();
    const ran = await world.run(
      "add",
      "web",
      "--type",
      "pvr",
      "--from",
      `${gateway(world, nginx(), "root")}${fragment}`,
    );
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain(sentence);
    expect(world.files()).toEqual([]);
  });

  test("refuses an object with other bytes than the state names", async () => {
    using world = appWorld();
    const folder = gateway(world, nginx(), "root", "nginx@sha256:1", "old");
    writeFileSync(join(folder, `.pvr/objects/${sha("root")}`), "toor");
    const ran = await world.run("add", "web", "--type", "pvr", "--from", `${folder}#nginx`);
    expect(ran).toMatchObject({ exit: 1, out: "" });
    expect(ran.err).toContain(`object ${sha("root")}`);
    expect(world.files()).toEqual([]);
  });
});

test("app update brings the part anew, with what its author has chosen here", async () => {
  using world = appWorld();
  const from = `${gateway(world, nginx(), "root", "nginx@sha256:1", "old")}#nginx`;
  await world.run("add", "web", "--type", "pvr", "--from", from, "--arg", "PV_ROLES=nobody");
  const { "nginx/copy/of-root": _, ...state } = nginx("new");
  gateway(world, state, "new", "nginx@sha256:1", "old");
  expect((await world.run("update", "web")).exit).toBe(0);
  expect(world.read("web/root.squashfs")).toBe("new");
  expect(world.files()).not.toContain("web/copy/of-root");
  expect(JSON.parse(world.read("web/run.json"))).toMatchObject({ roles: ["nobody"] });
});

test("app install of a part makes its documents again, and brings it anew only when its root is missing", async () => {
  using world = appWorld();
  const from = `${gateway(world, nginx(), "root", "nginx@sha256:1", "old")}#nginx`;
  await world.run("add", "web", "--type", "pvr", "--from", from);
  rmSync(join(world.root, "web/run.json"));
  expect((await world.run("install", "web")).out).toContain("web: same root");
  rmSync(join(world.root, "web/root.squashfs"));
  expect((await world.run("install", "web")).out).toContain("web: new root");
  expect(world.read("web/root.squashfs")).toBe("root");
});
