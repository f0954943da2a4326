/** Gives configurations of the template to the real liblxc, starts containers by them, and prints what went wrong as one JSON line. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { splitCommand } from "../../../../runtime/containers/lxc-config.ts";
import { becomeSubreaper, startReaper } from "../../../../runtime/linux/index.ts";
import { type Container, explainLxc, openLxc, openMonitor, startContainer } from "../../../../runtime/lxc/index.ts";
import { imageSource } from "./image-source.ts";
import { type Members, made } from "./samples.ts";

const folder = mkdtempSync("/tmp/cairn-template-");
chmodSync(folder, 0o777);
const lxcPath = `${folder}/lxc`;
mkdirSync(lxcPath);
const show = `${folder}/show`;
writeFileSync(
  show,
  `#!/bin/sh\nprintf '%s\\0' "$@" >${folder}/words\nenv -0 >${folder}/env\necho $(id -u) $(id -g) $(id -G) >${folder}/ids\n`,
  { mode: 0o755 },
);

function must<T>(result: { ok: true; value: T } | { ok: false; error: Parameters<typeof explainLxc>[0] }): T {
  if (!result.ok) throw new Error(explainLxc(result.error));
  return result.value;
}

const lxc = must(openLxc(lxcPath));
must(becomeSubreaper());
const reaper = startReaper(() => {});
const ended = new Map<string, () => void>();
const monitor = must(
  openMonitor(lxcPath, {
    onEvent: (event) => {
      if (event.kind === "state" && event.state === "STOPPED") ended.get(event.container)?.();
    },
    onTrouble: () => {},
  }),
);

const faults: unknown[] = [];
const expectSame = (what: string, found: unknown, wanted: unknown): void => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) faults.push({ what, found, wanted });
};

let count = 0;
function load(config: string): Container {
  const name = `c${count++}`;
  const file = `${folder}/${name}.conf`;
  writeFileSync(file, config);
  const container = must(lxc.container(name));
  must(container.loadConfig(file));
  return container;
}

/** The template's lines that need no device around them, on this machine's own root. */
const onThisRoot = (config: string): string =>
  [
    ...config.split("\n").filter((line) => /^lxc\.(init\.(cmd|uid|gid|groups)|environment|signal\.halt) = /.test(line)),
    "lxc.rootfs.path = dir:/",
    "lxc.net.0.type = none",
    "lxc.apparmor.profile = unconfined",
    "lxc.namespace.keep = user net",
    "",
  ].join("\n");

async function started(docker_config: Members, more: Members = {}): Promise<void> {
  const config = made({ docker_config, ...more }).lxcConfig ?? "";
  const container = load(onThisRoot(config));
  const home = `${lxcPath}/${container.name}`;
  mkdirSync(home);
  must(container.saveConfig(`${home}/config`));
  for (const file of ["words", "env", "ids"]) rmSync(`${folder}/${file}`, { force: true });
  const over = new Promise<void>((resolve) => ended.set(container.name, resolve));
  const [, line = ""] = /^lxc\.init\.cmd = (.*)$/m.exec(config) ?? [];
  const command = splitCommand(line);
  must(
    await startContainer({
      name: container.name,
      lxcPath,
      command,
      folder,
      logFile: null,
      signal: AbortSignal.timeout(30_000),
    }),
  );
  await over;
  container.free();
}
const shown = (file: string): readonly string[] =>
  existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, "utf8").split("\0").slice(0, -1) : [];

const samples = fc.sample(imageSource, { numRuns: 150, seed: 4 });
for (const { source, env } of samples) {
  const config = made(source as Members).lxcConfig ?? "";
  const container = load(config);
  const lines = config.match(/^lxc\.environment = .*$/gm)?.length ?? 0;
  const plain = env.map(([key, value]) => `${key}=${value}`).filter((setting) => !/[\n\r]/.test(setting));
  expectSame("environment", container.getItems("lxc.environment").toSorted(), plain.toSorted());
  expectSame("lines of the environment", lines, plain.length);
  expectSame("hooks", container.getItems("lxc.hook.pre-start"), []);
  container.free();
}

for (const { words, env } of samples.slice(0, 12)) {
  await started({ Entrypoint: [show, ...words], Env: env.map(([key, value]) => `${key}=${value}`) });
  expectSame("words", shown("words"), words);
  const got = new Set(shown("env"));
  for (const [key, value] of env)
    if (!got.has(`${key}=${value}`)) faults.push({ what: "variable", key, value, got: [...got] });
}

const image_user = { of: "www", uid: 33, gid: 34, groups: [29, 44], home: "/var/www" };
await started({ Entrypoint: [show, "a\nb"], User: "www" }, { image_user });
expectSame(
  "home",
  shown("env").filter((one) => one.startsWith("HOME=")),
  ["HOME=/var/www"],
);
expectSame("ids", readFileSync(`${folder}/ids`, "utf8"), "33 34 34 29 44\n");
expectSame("words as another user", shown("words"), ["a\nb"]);

for (const signal of ["SIGQUIT", "3", "SIGRTMIN+3", "SIGRTMAX-14"]) {
  const container = load(made({ docker_config: { Cmd: ["/a"], StopSignal: signal } }).lxcConfig ?? "");
  if (container.getItem("lxc.signal.halt") === "") faults.push({ what: "signal", signal });
  container.free();
}

monitor.close();
reaper.stop();
rmSync(folder, { recursive: true, force: true });
console.log(JSON.stringify({ version: lxc.version, loaded: samples.length, faults: faults.slice(0, 5) }));
