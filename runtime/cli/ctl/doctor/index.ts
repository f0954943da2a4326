/** Looks at a device and says what is wrong with it: {@link collect} reads, {@link diagnose} decides, {@link report} prints. */
import type { Out } from "../../command.ts";
import type { Client } from "../client.ts";
import { EXIT } from "../exits.ts";
import { collect } from "./collect.ts";
import { diagnose } from "./diagnose.ts";
import type { LoaderPort } from "./facts.ts";
import { isWell, reportJson, reportText } from "./report.ts";

export { readLoader } from "./loader.ts";

export interface Visit {
  readonly client: Client;
  readonly storage: string;
  readonly readLoader: LoaderPort;
  readonly json: boolean;
}

/** Ends with the exit code: 0 nothing is bad, 1 something is. */
export async function visit({ client, storage, readLoader, json }: Visit, out: Out): Promise<number> {
  const findings = diagnose(await collect(client, storage, readLoader));
  out.print(json ? reportJson(findings) : reportText(findings));
  return isWell(findings) ? EXIT.done : EXIT.failed;
}
