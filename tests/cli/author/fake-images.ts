/** Images and hash trees that exist only here, and `cairn app …` over them in a working copy of its own. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { AppPorts, Image, ImageRequest } from "../../../runtime/author/app/index.ts";
import { appCommands } from "../../../runtime/cli/author/app.ts";
import { openParts } from "../../../runtime/cli/author/app-parts.ts";
import type { PortOptions } from "../../../runtime/cli/author/app-ports.ts";
import { group, type Out } from "../../../runtime/cli/command.ts";
import { parse } from "../../../runtime/cli/parse.ts";
import { err, ok } from "../../../runtime/result.ts";
import type { Digest, Json } from "../../../runtime/state/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { sha } from "../archives.ts";

export interface FakeImage {
  readonly digest?: string;
  readonly config?: Readonly<Record<string, Json>>;
  readonly passwd?: string;
  readonly group?: string;
  /** What packing ends with, instead of a file. */
  readonly packFails?: string;
  /** Somebody presses Ctrl-C while it is packed. */
  readonly interrupted?: boolean;
  /** Bytes of the root; the format's name stands before them. */
  readonly root?: string;
}

export interface AppWorld {
  readonly root: string;
  /** By reference. */
  readonly images: Map<string, FakeImage>;
  readonly asked: ImageRequest[];
  packs: number;
  closed: number;
  run(...words: string[]): Promise<{ readonly exit: number; readonly out: string; readonly err: string }>;
  read(file: string): string;
  write(file: string, text: string): void;
  /** Every file of the working copy, without the repository's own. */
  files(): readonly string[];
  [Symbol.dispose](): void;
}

export function appWorld(): AppWorld {
  const root = mkdtempSync(join(tmpdir(), "cairn-app-"));
  mkdirSync(join(root, ".pvr"));
  writeFileSync(join(root, ".pvr/json"), '{"#spec":"pantavisor-service-system@1"}');
  const world: AppWorld = {
    root,
    images: new Map(),
    asked: [],
    packs: 0,
    closed: 0,
    run: (...words) => runIn(world, words),
    read: (file) => readFileSync(join(root, file), "utf8"),
    write(file, text) {
      mkdirSync(join(root, file, ".."), { recursive: true });
      writeFileSync(join(root, file), text);
    },
    files: () =>
      readdirSync(root, { recursive: true, encoding: "utf8" })
        .filter((file) => !file.startsWith(".pvr") && statSync(join(root, file)).isFile())
        .sort(),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
  return world;
}

async function runIn(world: AppWorld, words: readonly string[]) {
  const [out, complaints]: [string[], string[]] = [[], []];
  const into: Out = {
    print: (text) => void out.push(`${text}\n`),
    complain: (text) => void complaints.push(`${text}\n`),
    write: async (bytes) => void out.push(Buffer.from(bytes).toString("latin1")),
    progress: null,
  };
  const ports = async ({ signal }: PortOptions) => portsOf(world, signal);
  const members = [appCommands(ports, () => world.root)];
  const parsed = parse(group("cairn", { summary: "", example: "", members }), ["app", ...words]);
  if (parsed.kind !== "run") throw new Error(`no command line: ${JSON.stringify(parsed)}`);
  const exit = await parsed.command.run(parsed.values, into);
  return { exit, out: out.join(""), err: complaints.join("") };
}

const portsOf = (world: AppWorld, signal: AbortSignal): AppPorts => ({
  disk: realDisk,
  parts: openParts(signal),
  images: {
    async open(request) {
      world.asked.push(request);
      const image = world.images.get(request.from);
      return image === undefined ? err("there is no such image") : ok(opened(world, request, image, signal));
    },
  },
  verity: {
    async guard(image) {
      writeFileSync(`${image}.hash`, `tree of ${readFileSync(image, "utf8")}`);
      const name = basename(image);
      mkdirSync(join(image, "../_dm"), { recursive: true });
      const manifest = {
        type: "dm-verity",
        data_device: name,
        hash_device: `${name}.hash`,
        root_hash: "ab".repeat(32),
      };
      writeFileSync(join(image, `../_dm/${name}.json`), JSON.stringify(manifest));
      return ok(undefined);
    },
  },
});

const opened = (world: AppWorld, request: ImageRequest, fake: FakeImage, signal: AbortSignal): Image => ({
  digest: request.type === "rootfs" ? "" : (fake.digest ?? `${request.from.split(":")[0]}@sha256:1`),
  config: fake.config ?? {},
  accounts: async () => ok({ passwd: fake.passwd ?? null, group: fake.group ?? null }),
  remarks: [],
  async pack(path, format) {
    world.packs++;
    if (fake.packFails !== undefined) {
      writeFileSync(path, "half a file");
      return err(fake.packFails);
    }
    if (fake.interrupted === true) {
      writeFileSync(path, "half a file");
      const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      process.kill(process.pid, "SIGINT");
      await aborted;
      signal.throwIfAborted();
    }
    const bytes = `${format}:${fake.root ?? "root"}`;
    writeFileSync(path, bytes);
    return ok({ digest: sha(bytes) as Digest, remarks: [] });
  },
  close: async () => void world.closed++,
});
