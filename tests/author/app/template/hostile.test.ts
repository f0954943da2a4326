/** Values of an image are data: whatever they hold, they end no line and set no key. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeContainer, parseSource, resolveUser, sourceText } from "../../../../runtime/author/app/template/index.ts";
import { amendLxcConfig } from "../../../../runtime/containers/lxc-config.ts";
import { explainState, parseState } from "../../../../runtime/state/index.ts";
import { DIGEST } from "../../../state/samples.ts";
import { imageSource } from "./image-source.ts";
import { type Members, made, ROOT, refusal, WEB } from "./samples.ts";

/** Keys that this template ever sets; a line that starts otherwise was smuggled in. */
const LINE =
  /^lxc\.(tty\.max|pty\.max|cgroup\.devices\.allow|rootfs\.path|init\.(cmd|cwd|uid|gid|groups)|signal\.halt|environment|namespace\.keep|mount\.(auto|entry)) = /;

const lines = (members: Members): readonly string[] => (made(members).lxcConfig ?? "").trimEnd().split(/[\n\r]+/);

const hook = "lxc.hook.pre-start = /bin/sh -c reboot";

describe("CVE-2026-53488, an image's label that became a command of the host:", () => {
  test("labels, exposed ports and health checks set nothing", () => {
    const plain = { Cmd: ["/a"] };
    const more = {
      ...plain,
      Labels: { [`a\n${hook}`]: `b\n${hook}` },
      ExposedPorts: { [`80/tcp\n${hook}`]: {} },
      Healthcheck: { Test: ["CMD", `x\n${hook}`] },
      Hostname: `h\n${hook}`,
    };
    expect(made({ docker_config: more }).lxcConfig).toBe(made({ docker_config: plain }).lxcConfig);
    expect(made({ docker_config: more }).runJson).toEqual(made({ docker_config: plain }).runJson);
  });

  test.each<[string, Members]>([
    ["a variable's value", { Env: [`A=1\n${hook}`] }],
    ["a variable's value, by a carriage return", { Env: [`A=1\r${hook}`] }],
    ["the command", { Cmd: ["/a", `b\n${hook}`] }],
    ["the command's program", { Entrypoint: [`/a\n${hook}`] }],
    ["the command, by the end of its quotes", { Cmd: ["/a", `b" 'c\n${hook}`] }],
    ["the command, by a separator of Unicode", { Cmd: ["/a", `b\u2028${hook}`] }],
  ])("%s adds no line", (_what, config) => {
    for (const line of lines({ docker_config: config })) expect(line).toMatch(LINE);
  });

  test.each<[string, Members, string]>([
    ["a variable's name", { Env: [`A\n${hook}=1`] }, "image docker_config.Env[0]"],
    ["the working folder", { WorkingDir: `/w\n${hook}` }, "image docker_config.WorkingDir"],
    ["the user", { User: `0\n${hook}` }, "user docker_config.User"],
    ["the stop signal", { StopSignal: `SIGTERM\n${hook}` }, "image docker_config.StopSignal"],
    ["a volume", { Volumes: { [`/v\n${hook}`]: {} } }, `image docker_config.Volumes./v\n${hook}`],
    ["a command in one text", { Entrypoint: `/a\n${hook}` }, "image docker_config.Entrypoint"],
    ["a NUL", { Cmd: ["/a\0b"] }, "shape docker_config.Cmd"],
  ])("%s is refused with an end of line in it", (_what, config, fault) => {
    expect(refusal({ docker_config: config })).toEqual([fault]);
  });

  test("a variable without a value does not take the device's own", () => {
    const { lxcConfig, remarks } = made({ docker_config: { Env: ["PV_SECRET", "=x", ""] } });
    expect(lxcConfig).not.toContain("lxc.environment");
    expect(remarks).toHaveLength(3);
  });
});

test("CVE-2026-47262, group files without a bound: a user in very many groups is refused", () => {
  const group = Array.from({ length: 300 }, (_, at) => `g${at}:x:${at + 1000}:a`).join("\n");
  expect(resolveUser("a", { passwd: "a:x:1:1::/:\n", group }).ok).toBe(false);
});

const rootFiles = Object.fromEntries([ROOT.image, "lxc.container.conf"].map((file) => [`web/${file}`, DIGEST]));
const groups = ["root", "app"];
const device = { groups: groups.map((name) => ({ name })) };

test("any image's container is a container of a state that a device accepts, started with the image's very words", () => {
  fc.assert(
    fc.property(imageSource, ({ source, words }) => {
      const container = makeContainer({ name: WEB, source, root: ROOT, groups });
      if (!container.ok) throw new Error(JSON.stringify(container.error));
      const { runJson, lxcConfig } = container.value;
      const written = JSON.stringify({
        "#spec": "pantavisor-service-system@1",
        "device.json": device,
        ...rootFiles,
        "web/run.json": runJson,
        "web/src.json": JSON.parse(sourceText(source)),
      });
      const state = parseState(written);
      if (!state.ok) throw new Error(explainState(state.error));
      expect(state.value.warnings).toEqual([]);
      expect(parseSource(sourceText(source))).toEqual({ ok: true, value: source });
      for (const line of (lxcConfig ?? "").trimEnd().split(/[\n\r]/)) expect(line).toMatch(LINE);
      const { command } = amendLxcConfig(lxcConfig ?? "", {
        hostname: "web",
        forcedHostname: null,
        configOverlay: null,
        rootfsMount: "/r",
        payloadCgroup: "p",
        monitorCgroup: "m",
        mounts: [],
        mountHooks: [],
        logItems: [],
      });
      if (command?.[0] === "/bin/sh" && command[2]?.startsWith("IFS=;")) expect(command).toHaveLength(3);
      else expect(command).toEqual(words);
    }),
    { numRuns: 300 },
  );
}, 60_000);
