/** The author's part of the fleet's demo: for each architecture a working copy, and what is made of it one after the other. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { repository } from "../host.ts";
import {
  type Arch,
  defaultGroups,
  desk,
  type Json,
  layWorkingCopy,
  probeContainer,
  type Revision,
  released,
  revision,
  scriptContainer,
} from "../index.ts";

export const releaseNames = ["factory", "second", "large", "silent"] as const;
export type ReleaseName = (typeof releaseNames)[number];

type Cairn = Awaited<ReturnType<typeof desk>>;

export interface Made {
  readonly factory: Revision;
  /** To the hub; the value is what it calls the revision. */
  post(cairn: Cairn, name: ReleaseName): Promise<string>;
}

export const LARGE_BYTES = 8 << 20;
const payloadIn = (folder: string): string => join(folder, "payload.bin");

async function revisionOf(arch: Arch, name: ReleaseName, folder: string): Promise<Revision> {
  const says = name === "factory" ? "the first" : "the second";
  const changes = await scriptContainer(
    arch,
    "changes",
    `trap 'exit 0' TERM PWR\necho I am ${says}\nwhile :; do sleep 1000 & wait; done\n`,
    name === "silent" ? { spec: { args: { PV_GROUP: "app", PV_STATUS_GOAL: "READY" } } } : {},
  );
  const made = await revision({
    arch,
    containers: [await probeContainer(arch), changes],
    device: { groups: defaultGroups.map((group) => ({ ...(group as Record<string, Json>), timeout: 60 })) },
    base: {
      cairn: join(repository, "dist", `cairn-${arch}`),
      files: { "/etc/cairn/hub.crt": await readFile(join(folder, "hub/authority/authority.crt"), "utf8") },
    },
  });
  if (name !== "large") return made;
  return { ...made, parts: new Map([...made.parts, ["changes/payload.bin", { file: payloadIn(folder) }]]) };
}

/** A repository with a commit and a folder of its own for each release. */
export async function make(arch: Arch, folder: string, say: (text: string) => void): Promise<void> {
  const cairn = await desk(folder, say);
  await writeFile(payloadIn(folder), randomBytes(LARGE_BYTES));
  await cairn(["new", arch, "--objects", "../objects"]);
  for (const name of releaseNames) {
    await layWorkingCopy(join(folder, arch), (await revisionOf(arch, name, folder)).parts);
    await cairn(["add"], { at: arch });
    await cairn(["commit", "-m", name], { at: arch });
    await cairn(["post", `../releases/${arch}-${name}`], { at: arch });
  }
}

const Posted = v.object({ revision: v.string() });

export async function authorOf(arch: Arch, folder: string): Promise<Made> {
  const made = await revisionOf(arch, "factory", folder);
  return {
    factory: await released(join(folder, "releases", `${arch}-factory`), made),
    async post(cairn, name) {
      await cairn(["get", `../releases/${arch}-${name}`], { at: arch });
      // Progress and warnings come on lines of their own.
      const said = (await cairn(["post", "hub", "--json"], { at: arch })).split("\n");
      return v.parse(Posted, JSON.parse(said.find((line) => line.startsWith("{")) ?? "")).revision;
    },
  };
}
