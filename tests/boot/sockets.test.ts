import { afterEach, expect, test } from "bun:test";
import { lstatSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlSockets } from "../../runtime/boot/sockets.ts";
import type { ContainerName } from "../../runtime/state/index.ts";
import { connect } from "../control/client.ts";
import { fakeDevice } from "../control/device.ts";
import { emptyFolder, must, mustFail, removeFolders, stateOf } from "../store/world.ts";

const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
  removeFolders();
});

/** A state of these containers, each with its roles. */
const state = (containers: Readonly<Record<string, readonly string[]>>) =>
  stateOf(
    Object.fromEntries(
      Object.entries(containers).flatMap(([name, roles]) => [
        [`${name}/lxc.conf`, "configuration"],
        [`${name}/root.squashfs`, `root of ${name}`],
        [`${name}/run.json`, { name, type: "lxc", config: "lxc.conf", "root-volume": "root.squashfs", roles }],
      ]),
    ),
  );

const nothing = stateOf({
  "bsp/run.json": { linux: "kernel", initrd: "initrd" },
  "bsp/kernel": "k",
  "bsp/initrd": "i",
});
const anew = (...names: readonly string[]) => new Set(names as readonly ContainerName[]);

function world() {
  const folder = emptyFolder();
  const device = fakeDevice();
  const sockets = controlSockets(
    folder,
    device,
    (error) => expect.unreachable(String(error)),
    (name) => join(folder, `${name}.sock`),
  );
  ending.push(() => {
    must(sockets.serve(nothing, new Set()));
  });
  return { folder, device, sockets, there: () => readdirSync(folder).sort() };
}

const ask = async (path: string, line: string): Promise<string> =>
  (await (await connect(path, `${line} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n`)).closed).split(
    "\r\n",
    1,
  )[0] ?? "";

test("the host and every container of the state have a socket, each for root alone", () => {
  const { folder, sockets, there } = world();
  must(sockets.serve(state({ db: [], web: ["mgmt"] }), new Set()));
  expect(there()).toEqual(["db.sock", "pv-ctrl", "web.sock"]);
  for (const name of there()) expect(lstatSync(join(folder, name)).mode & 0o777).toBe(0o600);
});

test("a container's socket knows the container's roles, and the host may everything", async () => {
  const { folder, sockets } = world();
  must(sockets.serve(state({ db: [], web: ["mgmt"] }), new Set()));
  for (const name of ["pv-ctrl", "web.sock"])
    expect(await ask(join(folder, name), "GET /containers")).toContain(" 200 ");
  expect(await ask(join(folder, "db.sock"), "GET /containers")).toContain(" 403 ");
});

test("sockets come and go with containers; those that stay are not touched, with who is connected", async () => {
  const { folder, sockets, there } = world();
  must(sockets.serve(state({ db: [], web: ["mgmt"] }), new Set()));
  const inodes = () => ["pv-ctrl", "web.sock"].map((name) => lstatSync(join(folder, name)).ino);
  const before = inodes();
  const client = await connect(join(folder, "web.sock"), "GET /containers HTTP/1.1\r\n");
  must(sockets.serve(state({ web: ["mgmt"], cache: [] }), new Set()));
  expect(there()).toEqual(["cache.sock", "pv-ctrl", "web.sock"]);
  expect(inodes()).toEqual(before);
  client.socket.write("host: x\r\n\r\n");
  expect(await client.closed).toStartWith("HTTP/1.1 200 ");
});

test("a socket that is made anew has the roles of the new state, and drops who was connected", async () => {
  const { folder, sockets } = world();
  must(sockets.serve(state({ web: ["mgmt"] }), new Set()));
  const client = await connect(join(folder, "web.sock"), "GET /containers HTTP/1.1\r\n");
  must(sockets.serve(state({ web: [] }), anew("web", "gone")));
  expect(await client.closed).toBe("");
  expect(await ask(join(folder, "web.sock"), "GET /containers")).toContain(" 403 ");
});

test("a place that is taken is an error, and can be served once it is free", () => {
  const { folder, sockets, there } = world();
  writeFileSync(join(folder, "web.sock"), "no socket");
  expect(mustFail(sockets.serve(state({ web: [] }), new Set()))).toContain("web.sock");
  expect(there()).toEqual(["pv-ctrl", "web.sock"]);
});
