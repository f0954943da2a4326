import type { App, AppChange, AppError, AppPorts } from "../../author/app/index.ts";
import { ok, type Result } from "../../result.ts";
import type { Json } from "../../state/index.ts";
import { type CommandGroup, command, EXIT_USAGE, flag, group, type Out, operand } from "../command.ts";
import { table } from "../table.ts";
import { imageFlags, loginOf, placesOf, type Wrong, wishesOf, wishFlags } from "./app-flags.ts";
import type { PortOptions } from "./app-ports.ts";
import { EXIT, exits, refuse } from "./exits.ts";
import { EXIT_INTERRUPTED, interruptible } from "./interrupt.ts";

const json = flag.switch("one JSON object");
const container = operand.needed("name of the container, which is its folder");
const changing = { ...exits, [EXIT_INTERRUPTED]: "interrupted, and nothing was changed" };
const disk = async () => (await import("../../store/index.ts")).realDisk;
const doors = () => import("../../author/app/index.ts");

/** Ends a command: with what it made, or with why it made nothing. */
async function show(
  changed: Result<AppChange, AppError | Wrong>,
  { json }: { readonly json: boolean },
  out: Out,
): Promise<number> {
  if (!changed.ok) return complain(changed.error, out);
  const { name, digest, packed, files, remarks } = changed.value;
  if (json) out.print(JSON.stringify({ name, digest, packed, files, remarks }));
  else
    out.print(
      `${name}: ${packed ? "new root," : "same root,"} ${digest}\n${files.map((file) => `  ${name}/${file}`).join("\n")}`,
    );
  if (!json) for (const remark of remarks) out.complain(`${name}: ${remark}`);
  return EXIT.done;
}

async function complain(error: AppError | Wrong, out: Out): Promise<number> {
  if (error.kind !== "wrong") return refuse(out, (await doors()).explainApp(error));
  out.complain(error.sentence);
  return EXIT_USAGE;
}

/** The file of `--config-json`. */
async function readConfig(path: string | null): Promise<Result<Readonly<Record<string, Json>> | null, AppError>> {
  return path === null ? ok(null) : (await doors()).readConfigFile(await disk(), path);
}

type OpenPorts = (options: PortOptions) => Promise<AppPorts>;

/** `open` comes when a command runs, so that help costs nothing; tests bring their own. */
export function appCommands(open: OpenPorts, root: () => string = () => process.cwd()): CommandGroup {
  /** Ctrl-C ends it with everything as it was. */
  const withPorts = (
    { ca, insecure }: { readonly ca: string | null; readonly insecure: boolean },
    out: Out,
    act: (ports: AppPorts) => Promise<number>,
  ): Promise<number> =>
    interruptible(out, async (signal) =>
      act(await open({ signal, ca, insecure, show: (line) => out.progress?.(line) })),
    );

  const add = command("add", {
    summary: "Make a container from an image",
    example: "cairn app add --from docker.io/library/nginx:1.27 --volume /data:permanent --group app web",
    flags: {
      from: flag.text(
        "image of a registry, OCI layout, saved image; with --type rootfs: folder or archive of a root file system",
      ),
      type: flag.text("docker (default), rootfs, or pvr: a part of a repository or an export, ../gateway#web"),
      ...imageFlags,
      ...wishFlags,
      json,
    },
    operands: { name: container },
    exits: changing,
    async run(values, out) {
      const { from, type } = values;
      if (from === null) return complain({ kind: "wrong", sentence: "--from is missing: which image?" }, out);
      if (type !== null && type !== "docker" && type !== "rootfs" && type !== "pvr")
        return complain({ kind: "wrong", sentence: "--type wants docker, rootfs or pvr" }, out);
      if (type === "pvr" && (values.format !== null || values.verity))
        return complain({ kind: "wrong", sentence: "--format and --verity: a part is taken as it is packed" }, out);
      const config = await readConfig(values["config-json"]);
      const wishes = config.ok ? wishesOf(values, config.value) : config;
      if (!wishes.ok) return complain(wishes.error, out);
      const places = placesOf(values.source);
      if (!places.ok) return complain(places.error, out);
      const { addApp } = await doors();
      const request = {
        name: values.name,
        origin: {
          type: type ?? "docker",
          from,
          places: places.value ?? ["remote", "local"],
          platform: values.platform,
        },
        login: loginOf(values),
        wishes: type === "pvr" ? wishes.value : { format: "erofs" as const, ...wishes.value },
      } as const;
      return withPorts(values, out, async (ports) => show(await addApp(ports, root(), request), values, out));
    },
  });

  const update = command("update", {
    summary: "Ask for its image again, and make the container anew",
    example: "cairn app update web",
    flags: { from: flag.text("another image"), ...imageFlags, ...wishFlags, json },
    operands: { name: container },
    exits: changing,
    async run(values, out) {
      const config = await readConfig(values["config-json"]);
      const wishes = config.ok ? wishesOf(values, config.value) : config;
      if (!wishes.ok) return complain(wishes.error, out);
      const places = placesOf(values.source);
      if (!places.ok) return complain(places.error, out);
      const { updateApp } = await doors();
      const { name, from, platform } = values;
      const request = { name, from, platform, places: places.value, login: loginOf(values), wishes: wishes.value };
      return withPorts(values, out, async (ports) => show(await updateApp(ports, root(), request), values, out));
    },
  });

  const install = command("install", {
    summary: "Make the container again from its src.json, and its root where that is missing or another image's",
    example: "cairn app install web",
    flags: {
      user: imageFlags.user,
      password: imageFlags.password,
      ca: imageFlags.ca,
      insecure: imageFlags.insecure,
      json,
    },
    operands: { name: container },
    exits: changing,
    async run(values, out) {
      const { installApp } = await doors();
      return withPorts(values, out, async (ports) =>
        show(await installApp(ports, root(), values.name, loginOf(values)), values, out),
      );
    },
  });

  const ls = command("ls", {
    summary: "List the containers that have a src.json",
    example: "cairn app ls",
    flags: { json: flag.switch("one JSON object a line") },
    operands: {},
    exits,
    async run(values, out) {
      const { listApps } = await doors();
      const apps = await listApps(await disk(), root());
      if (!apps.ok) return complain(apps.error, out);
      const rows = await Promise.all(apps.value.map(summary));
      if (values.json) for (const row of rows) out.print(JSON.stringify(row));
      else if (rows.length > 0)
        out.print(
          table([
            ["NAME", "GROUP", "GOAL", "FROM"],
            ...rows.map(({ name, group, goal, from }) => [name, group, goal, from]),
          ]),
        );
      return EXIT.done;
    },
  });

  const info = command("info", {
    summary: "Show where a container comes from, and what its image says of itself",
    example: "cairn app info web",
    flags: { json: flag.switch("its src.json, as one line") },
    operands: { name: container },
    exits,
    async run(values, out) {
      const { openApp } = await doors();
      const app = await openApp(await disk(), root(), values.name);
      if (!app.ok) return complain(app.error, out);
      out.print(values.json ? JSON.stringify(app.value.source) : table(await details(app.value)));
      return EXIT.done;
    },
  });

  const rm = command("rm", {
    summary: "Remove a container from the working copy",
    example: "cairn app rm web",
    flags: {},
    operands: { name: container },
    exits,
    async run(values, out) {
      const { removeApp } = await doors();
      const removed = await removeApp(await disk(), root(), values.name);
      if (!removed.ok) return complain(removed.error, out);
      out.print(`${values.name} is removed; _config/${values.name} and _sigs/${values.name}.json stay where they are`);
      return EXIT.done;
    },
  });

  return group("app", {
    summary: "Containers from images",
    example: "cairn app add --from docker.io/library/nginx:1.27 web",
    members: [add, update, install, ls, info, rm],
  });
}

export const appCommand = appCommands(async (options) => (await import("./app-ports.ts")).openPorts(options));

async function summary({ name, source }: App) {
  const { originText } = await doors();
  const text = (arg: string): string => {
    const value = source.args?.[arg];
    return typeof value === "string" ? value : "";
  };
  return { name, group: text("PV_GROUP"), goal: text("PV_STATUS_GOAL"), from: originText(source) };
}

const short = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

async function details(app: App): Promise<readonly (readonly string[])[]> {
  const { originText, rootFileOf } = await doors();
  const {
    docker_config: config = {},
    args = {},
    persistence = {},
    docker_digest,
    rootfs_digest,
    docker_platform,
  } = app.source;
  const rows: (readonly [string, string])[] = [
    ["from", originText(app.source)],
    ["digest", docker_digest ?? rootfs_digest ?? ""],
    ["platform", docker_platform ?? ""],
    ["root", rootFileOf(app)],
    ...["Entrypoint", "Cmd", "WorkingDir", "User", "StopSignal"].map((key) => [key, short(config[key] ?? "")] as const),
    ["Volumes", Object.keys(config["Volumes"] ?? {}).join(" ")],
    // Told to people only: a container on the device's own network opens what it likes.
    ["ExposedPorts", Object.keys(config["ExposedPorts"] ?? {}).join(" ")],
    ...Object.entries(args).map(([key, value]) => [`arg ${key}`, short(value)] as const),
    ...Object.entries(persistence).map(([path, value]) => [`volume ${path}`, value] as const),
  ];
  return rows.filter(([, value]) => value !== "");
}
