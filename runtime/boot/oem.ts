import { explainLinux, readText } from "../linux/index.ts";
import { err, ok, type Result } from "../result.ts";
import { type Configuration, oemKey, withOem } from "./configuration.ts";
import type { LoadedRevision } from "./revision.ts";

/**
 * The configuration with the level that comes with the revision (reference 10.1, level 7), once its file was checked. A file in the
 * trail that the state does not name is nobody's and not read. The reason in words when the file is not as it should be.
 */
export async function addOemLevel(
  configuration: Configuration,
  { state, check }: Pick<LoadedRevision, "state" | "check">,
  trail: string,
): Promise<Result<Configuration, string>> {
  const key = oemKey(configuration);
  if (key === null || !state.entries.some((entry) => entry.key === key)) return ok(configuration);
  const good = await check(new Set([key]));
  if (!good.ok) return good;
  const text = readText(`${trail}/${key}`);
  return text.ok ? ok(withOem(configuration, text.value)) : err(explainLinux(text.error));
}
