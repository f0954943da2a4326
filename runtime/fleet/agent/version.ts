import * as v from "valibot";
import { type Disk, explainDiskError, readFile, saveFile } from "../../store/index.ts";
import type { EitherVersionPorts } from "../session/index.ts";

export interface KeptVersionPorts extends Pick<EitherVersionPorts, "wallMs"> {
  readonly disk: Disk;
  readonly folder: string;
  warn(message: string): void;
}

const WHY = "fleet/version";
const BYTES_MAX = 256;
const Stored = v.pipe(v.string(), v.parseJson(), v.object({ mqtt311UntilMs: v.nullable(v.number()) }));

/** Whether the broker knows MQTT 5, kept across restarts. What is damaged or cannot be kept costs a connection. */
export async function openKeptVersion({ disk, folder, wallMs, warn }: KeptVersionPorts): Promise<EitherVersionPorts> {
  const path = `${folder}/mqtt-version.json`;
  const bytes = await readFile(disk, WHY, path, BYTES_MAX);
  const stored = bytes.ok ? v.safeParse(Stored, Buffer.from(bytes.value).toString("utf8")) : null;
  let saving: Promise<unknown> = Promise.resolve();
  return {
    untilMs: stored?.success ? stored.output.mqtt311UntilMs : null,
    keep(untilMs) {
      const text = `${JSON.stringify({ mqtt311UntilMs: untilMs })}\n`;
      saving = saving
        .then(() => saveFile(disk, WHY, path, Buffer.from(text)))
        .then((saved) => saved.ok || warn(explainDiskError(saved.error)));
    },
    wallMs,
  };
}
