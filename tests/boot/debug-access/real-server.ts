/** Debug access with a real dropbear and a real ssh, in a namespace of its own. Prints what happened as one JSON line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { openDebugAccess } from "../../../runtime/boot/debug-access/debug-access.ts";
import { openSshServer } from "../../../runtime/boot/debug-access/ssh-server.ts";
import * as linux from "../../../runtime/linux/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { must } from "../../store/world.ts";

linux.becomeSubreaper();
const reaper = linux.startReaper(() => {});
must(linux.bringUp("lo"));
const root = must(linux.readMountinfo()).find(({ type }) => type === "cgroup2")?.target;
if (root === undefined) throw new Error("cgroup v2 is not mounted");

const folder = mkdtempSync("/tmp/cairn-debug-");
const at = (name: string): string => `${folder}/${name}`;
const cgroup = `${root}/cairn-debug-check-${process.pid}`;
const said: string[] = [];
const say = (message: string): void => void said.push(message);
let nowMs = 0;
let fire = (): void => {};
const server = openSshServer({
  disk: realDisk,
  keyFolder: at("kept"),
  authorizedKeys: at("authorized_keys"),
  keysWanted: "write one",
  cgroup,
  log: { debug: () => {}, info: say, warn: say },
});
const access = openDebugAccess({
  server: async () => server,
  log: { warn: () => {}, error: say },
  onChange: () => {},
  now: () => nowMs,
  wallMs: () => nowMs,
  setTimer(_ms, then) {
    fire = then;
    return () => {};
  },
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string[]): Promise<Ran> {
  const { stdout, stderr, exited } = must(linux.spawnChild(command, { stdout: "pipe", stderr: "pipe" }));
  const [out, err, code] = await Promise.all([new Response(stdout).text(), new Response(stderr).text(), exited]);
  return { code, out: out.trim(), err: err.trim() };
}

const client = (key: string, ...more: string[]): string[] => [
  ..."ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o IdentitiesOnly=yes -o LogLevel=ERROR".split(
    " ",
  ),
  ...["-o", `UserKnownHostsFile=${at("known_hosts")}`, "-i", at(key), "-p", "8222", ...more],
];
const ssh = (key: string, ...command: string[]): Promise<Ran> => run([...client(key), "root@127.0.0.1", ...command]);

/** Whether somebody answers on the port. */
const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(8222, "127.0.0.1");
    socket.on("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });

const isMounted = (target: string): boolean =>
  must(linux.readMountinfo()).some((one) => one.target === target && one.type === "tmpfs");

const seen: Record<string, unknown> = {};
for (const key of ["mine", "other"])
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", at(key)]);

seen["withoutKeys"] = await access.open(60_000);
writeFileSync(at("authorized_keys"), readFileSync(at("mine.pub"), "utf8").trim());

const opened = must(await access.open(60_000));
seen["listens"] = await answers();
const inside = await ssh("mine", "pwd; sed -n s/^0:://p /proc/self/cgroup; echo token $PV_HUB_TOKEN");
seen["inside"] = inside.out.split("\n");
const shown = await run(["ssh-keygen", "-l", "-f", at("known_hosts")]);
const [fingerprint = "none"] = /SHA256:\S+/.exec(shown.out) ?? [];
seen["tellsItsHostKey"] = opened.endsWith(`host key ${fingerprint}`);
seen["keptForRootAlone"] = (await run(["find", at("kept"), "-type", "f", "-perm", "600"])).out;
seen["wrongKey"] = await ssh("other", "true");
const noKey = [..."-o PubkeyAuthentication=no -o PreferredAuthentications=password,keyboard-interactive".split(" ")];
seen["password"] = await run([...client("mine", ...noKey), "root@127.0.0.1", "true"]);
seen["forwarding"] = await run([...client("mine", "-W", "127.0.0.1:8222"), "root@127.0.0.1"]);

// A session that leaves something behind, also out of its own process group.
const session = must(
  linux.spawnChild([...client("mine"), "root@127.0.0.1", "setsid sleep 1000 & echo here; exec sleep 1000"], {
    stdout: "pipe",
    stderr: "ignore",
  }),
);
for await (const text of session.stdout.pipeThrough(new TextDecoderStream())) if (text.includes("here")) break;

writeFileSync(at("authorized_keys"), readFileSync(at("other.pub"), "utf8"));
seen["takenOff"] = await ssh("mine", "true");
seen["putOn"] = (await ssh("other", "echo in")).out;
seen["sessionGoesOn"] = session.exitCode;

nowMs = 59_999;
fire();
await access.open(1);
seen["beforeTheEnd"] = [await answers(), access.view()];
const members = linux.cgroupMembers(cgroup);
const pids = members.ok ? members.value : [];
nowMs = 60_001;
fire();
seen["sessionEnds"] = await session.exited;
await access.close();
seen["left"] = {
  listens: await answers(),
  processes: pids.filter((pid) => readdirSync("/proc").includes(`${pid}`)),
  cgroup: linux.cgroupMembers(cgroup).ok,
  home: isMounted("/root"),
  view: access.view(),
};

const again = must(await access.open(60_000));
seen["sameHostKey"] = again.endsWith(fingerprint);
await access.close();

// Somebody else has the port.
const taken = Bun.listen({ hostname: "0.0.0.0", port: 8222, socket: { data: () => {} } });
const six = Bun.listen({ hostname: "::", port: 8222, ipv6Only: true, socket: { data: () => {} } } as never);
seen["portTaken"] = await access.open(60_000);
taken.stop(true);
six.stop(true);

writeFileSync(at("kept/dropbear_ed25519_host_key"), "no key");
seen["damagedHostKey"] = await access.open(60_000);

must(linux.bindMount({ source: "/dev/null", target: "/usr/sbin/dropbear" }));
seen["noServer"] = await access.open(60_000);
seen["said"] = said;

reaper.stop();
rmSync(folder, { recursive: true });
console.log(JSON.stringify(seen));
process.exit(0);
