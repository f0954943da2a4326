/** `cairn explain` for people. */
import type {
  Change,
  ContainerView,
  Explanation,
  Needs,
  Part,
  SignaturesView,
  Verdict,
} from "../../author/explain/index.ts";
import { sizeText } from "../size.ts";
import { printable, table } from "../table.ts";

/** Names of a list that are shown before it is cut. */
const SHOWN = 12;

const listed = (names: readonly string[]): string =>
  names.slice(0, SHOWN).map(printable).join(", ") + (names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "");

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;

export function explanationText(explanation: Explanation): string {
  const { parts, containers, groups, needs, signatures, warnings, change } = explanation;
  return [
    section("What is in it", [table(parts.map(partRow))]),
    section("Containers", containers.flatMap(containerLines)),
    section("Started in this order", [
      table(
        groups
          .filter((group) => group.containers.length > 0)
          .map(({ name, goal, containers: members }, at) => [`${at + 1}.`, name, `until ${goal}`, listed(members)]),
      ),
    ]),
    section("What it needs", needLines(needs)),
    section("Signatures", signatureLines(signatures)),
    ...(change === null ? [] : [section("What a device would do", changeLines(change))]),
    section(
      "Warnings",
      warnings.map(({ path, message }) => `${printable(path)}: ${printable(message)}`),
    ),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

const section = (title: string, lines: readonly string[]): string => {
  const body = lines.flatMap((line) => line.split("\n")).filter((line) => line !== "");
  return body.length === 0 ? "" : [title, ...body.map((line) => `  ${line}`)].join("\n");
};

function partRow({ name, kind, keys, bytes, missing }: Part): readonly string[] {
  const away = missing.length === 0 ? "" : `without ${count(missing.length, "object")}, not at hand`;
  return [
    name,
    name === kind || kind === "device" ? "settings of the device" : kind,
    count(keys, "key"),
    sizeText(bytes),
    away,
  ];
}

function containerLines(view: ContainerView): readonly string[] {
  const { name, from, group, goal, restartPolicy, root, volumes, storage, roles, network, ports, recovery } = view;
  const stored = storage.map(
    ({ name: volume, persistence, disk }) => `${volume} (${persistence}${disk === null ? "" : ` on ${disk}`})`,
  );
  const rows = [
    ["from", from ?? ""],
    [
      "group",
      `${group}, goal ${goal}; an update of it ${restartPolicy === "system" ? "needs a reboot" : "exchanges it alone"}`,
    ],
    ["root", [root ?? "none", ...volumes].join(", ")],
    ["storage", listed(stored)],
    ["roles", roles.includes("mgmt") ? "mgmt: it may command the device" : listed(roles)],
    ["network", network === "none" ? "as its LXC configuration says" : network],
    ["ports", ports.length === 0 ? "" : `${listed(ports)}, as its image says`],
    ["recovery", recovery ?? ""],
  ].filter(([, value]) => value !== "");
  return [printable(name), table(rows).replaceAll(/^/gm, "  ")];
}

function needLines({ drivers, disks, services, pools, fileSystems, verity }: Needs): readonly string[] {
  const by = (names: readonly string[]): string => `for ${listed(names)}`;
  const known = (defined: boolean, otherwise: string): string => (defined ? "" : otherwise);
  return [
    table([
      ...drivers.map(({ alias, required, defined, by: names }) => [
        "driver",
        alias,
        by(names),
        known(defined, `bsp/drivers.json has no such alias${required ? ": it will not start" : ""}`),
      ]),
      ...disks.map(({ name, defined, by: names }) => ["disk", name, by(names), known(defined, "not in this state")]),
      ...services.map(({ name, required, from, by: names }) => [
        "service",
        name,
        by(names),
        from.length > 0 ? `from ${listed(from)}` : required ? "from the runtime" : "nobody exports it",
      ]),
      ...pools.map(({ name, defined, by: names }) => [
        "network pool",
        name,
        by(names),
        known(defined, "not in this state"),
      ]),
      ...fileSystems.map((name) => ["file system", name, "", ""]),
      ...(verity ? [["device-mapper", "verity", "", ""]] : []),
    ]),
  ];
}

function signatureLines({ each, uncovered }: SignaturesView): readonly string[] {
  if (each.length === 0) return ["none: anybody can have made it"];
  const certain = each.some(({ verdict }) => verdict.kind === "good");
  return [
    ...each.flatMap(({ key, include, exclude, protected: keys, verdict }) => [
      `${printable(key)}: ${verdictText(verdict)}`,
      ...(include.length === 0
        ? []
        : [
            `  ${count(keys.length, "key")} by ${listed(include)}${exclude.length === 0 ? "" : `, without ${listed(exclude)}`}`,
          ]),
    ]),
    uncovered.length === 0
      ? `every key that a device reads is ${certain ? "protected" : "claimed"}`
      : `not ${certain ? "protected" : "claimed"} by any of them: ${listed(uncovered)}`,
  ];
}

function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case "good":
      return `good, by ${printable(verdict.signer)}`;
    case "bad":
      return `BAD, ${printable(verdict.why)}`;
    case "unverified":
      return "not verified: --trust or --key says whom to believe";
  }
}

function changeLines({ transition, added, removed, changed, newBytes }: Change): readonly string[] {
  const same = added.length + removed.length + changed.length === 0;
  const decided =
    transition.kind === "reboot"
      ? `reboot, because of ${listed(transition.because)}`
      : same
        ? "nothing: the two are alike for a device"
        : "no reboot: only these containers are exchanged, the others keep their processes";
  const rows = [
    ["start", listed(added)],
    ["exchange", listed(changed)],
    ["stop", listed(removed)],
  ].filter(([, names]) => names !== "");
  return [decided, table(rows), `${sizeText(newBytes)} are new to it`];
}
