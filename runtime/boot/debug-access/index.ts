/** Debugging a device from outside: the base system's own SSH server, for as long as somebody ordered it (reference 14.9). */
import { resolve } from "node:path";
import { CGROUP_ROOT } from "../../linux/index.ts";
import type { Logger } from "../../logs/index.ts";
import type { Store } from "../../store/index.ts";
import type { Config } from "../config/index.ts";
import { type DebugAccess, openDebugAccess } from "./debug-access.ts";
import type { SshServer } from "./model.ts";

export type { DebugAccess } from "./debug-access.ts";

/** Of user-meta (reference 9.3). */
const KEYS = "pvr-sdk.authorized_keys";

/** It is closed. `onChange`: it is another than before. `setTimer` calls once, in so many milliseconds or a little later. */
export function startDebugAccess(parts: {
  readonly config: Config;
  readonly store: Store;
  readonly log: Logger;
  onChange(): void;
  setTimer(ms: number, fire: () => void): () => void;
}): DebugAccess {
  const { config, store, log, onChange, setTimer } = parts;
  const { PV_DEBUG_SSH_AUTHORIZED_KEYS: named } = config;
  const keys =
    named === null
      ? {
          authorizedKeys: `${config.PV_SYSTEM_RUNDIR}/user-meta/${KEYS}`,
          keysWanted: `set ${KEYS} of the user-meta to a public key`,
        }
      : {
          authorizedKeys: resolve(config.PV_SYSTEM_ETCDIR, named),
          keysWanted: `${named}, which PV_DEBUG_SSH_AUTHORIZED_KEYS names, has none`,
        };
  let server: Promise<SshServer> | null = null;
  const load = async (): Promise<SshServer> => {
    const { openSshServer } = await import("./ssh-server.ts");
    const cgroup = `${CGROUP_ROOT}/cairn-debug`;
    return openSshServer({ disk: store.disk, keyFolder: config.PV_DROPBEAR_CACHE_DIR, ...keys, cgroup, log });
  };
  return openDebugAccess({
    server() {
      server ??= load();
      return server;
    },
    log,
    onChange,
    now: () => performance.now(),
    wallMs: Date.now,
    setTimer,
  });
}
