import type { Answer, CommandAnswer, Commands, Operation, PowerAction, PowerAnswer } from "../control/index.ts";
import { isLocal, type RevisionName } from "../state/index.ts";
import type { DebugAccess } from "./debug-access/index.ts";
import type { DeviceMetadata } from "./metadata.ts";

export type UpdateOperation = Extract<Operation, "LOCAL_RUN" | "LOCAL_RUN_COMMIT" | "MAKE_FACTORY" | "RUN_GC">;

/** What the control API asks of the update engine (reference 8.4, 8.6, 8.9). */
export interface Updates {
  /** Stores and checks a state under a name that {@link parseRevisionName} made and that begins with `locals/`. */
  put(rev: RevisionName, state: Uint8Array): Answer<void>;
  command(operation: UpdateOperation, payload: string): Promise<CommandAnswer>;
  /** Bytes that came free. */
  collectGarbage(): Answer<number>;
}

/** Every command of reference 8.6. What is not there yet says so. */
export function controlCommands(options: {
  /** The running revision: a local one means local mode. */
  running(): RevisionName;
  readonly metadata: DeviceMetadata;
  readonly updates: Updates;
  readonly debugAccess: Pick<DebugAccess, "open" | "close">;
  power(action: PowerAction, message: string): PowerAnswer;
}): Commands {
  const { metadata, updates, debugAccess } = options;
  const refused = (status: 400 | 409, why: string): CommandAnswer => ({ kind: "refused", status, why });
  return {
    async command(operation, payload) {
      switch (operation) {
        case "POWEROFF_DEVICE":
          return options.power("poweroff", payload);
        case "REBOOT_DEVICE":
          return options.power("reboot", payload);
        case "LOCAL_RUN":
        case "LOCAL_RUN_COMMIT":
        case "MAKE_FACTORY":
        case "RUN_GC":
          return updates.command(operation, payload);
        case "UPDATE_METADATA": {
          if (isLocal(options.running())) return refused(409, "Cannot do this in local mode");
          const merged = await metadata.merge(payload);
          return merged.ok ? { kind: "accepted" } : { kind: "refused", ...merged.error };
        }
        case "UNCLAIM":
          return { kind: "nothingToDo" }; // without a fleet's client nobody can have claimed it
        case "DEFER_REBOOT":
          return refused(409, "There is no debug shell that holds up a reboot");
        case "GO_REMOTE":
          return refused(409, "There is no remote client yet");
        case "ENABLE_SSH": {
          const opened = await debugAccess.open(null);
          if (opened.ok) return { kind: "accepted" };
          const { kind, why } = opened.error;
          return { kind: "refused", status: kind === "refused" ? 409 : 500, why };
        }
        case "DISABLE_SSH":
          return { kind: (await debugAccess.close()) ? "accepted" : "nothingToDo" };
      }
    },
  };
}
