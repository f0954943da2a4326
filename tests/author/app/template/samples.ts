import { makeContainer, type Source, toSource } from "../../../../runtime/author/app/template/index.ts";
import { type ContainerName, type Json, parseContainerName } from "../../../../runtime/state/index.ts";

export const WEB = parseContainerName("web") as ContainerName;
export const ROOT = { image: "root.erofs", layer: "root.ovl.erofs" } as const;

export type Members = Readonly<Record<string, Json>>;

export function source(members: Members): Source {
  const read = toSource(members);
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

const make = (members: Members, groups: readonly string[] = []) =>
  makeContainer({ name: WEB, source: source(members), root: ROOT, groups });

export function made(members: Members, groups: readonly string[] = []) {
  const container = make(members, groups);
  if (!container.ok) throw new Error(JSON.stringify(container.error));
  return container.value;
}

/** Lines of the configuration that set `key`. */
export const linesOf = (members: Members, key: string): readonly string[] =>
  (made(members).lxcConfig ?? "").split("\n").filter((line) => line.startsWith(`${key} = `));

/** What is refused: kind, place and what would be accepted. */
export function refusal(members: Members): readonly string[] {
  const container = make(members);
  if (container.ok) throw new Error("wanted a refused source");
  return container.error.map(({ kind, place }) => `${kind} ${place}`);
}
