import { controlSocket } from "../containers/index.ts";
import {
  type Caller,
  type Device,
  explainListenError,
  type Listener,
  listen,
  openTransfers,
} from "../control/index.ts";
import { err, ok, type Result } from "../result.ts";
import type { ContainerName, State } from "../state/index.ts";

/** The control sockets: the host's, and one for each container of the running revision, which says who is calling. */
export interface ControlSockets {
  /** Opens what this state needs and takes away what it does not; those of `anew` are made again, since their roles may be others. */
  serve(state: State, anew: ReadonlySet<ContainerName>): Result<void, string>;
}

/** `socketOf`: where a container's socket is; tests have a folder of their own. */
export function controlSockets(
  runDir: string,
  device: Device,
  onBug: (error: unknown) => void,
  socketOf: (name: ContainerName) => string = controlSocket,
): ControlSockets {
  const transfers = openTransfers();
  const open = new Map<string, Listener>();

  function openOne(path: string, caller: Caller): Result<void, string> {
    const listening = listen({ path, caller, device, transfers, onBug });
    if (!listening.ok) return err(explainListenError(listening.error));
    open.set(path, listening.value);
    return ok(undefined);
  }

  const close = (path: string): void => {
    open.get(path)?.close();
    open.delete(path);
  };

  return {
    serve({ containers }, anew) {
      const host = `${runDir}/pv-ctrl`;
      const wanted = new Set([host, ...containers.map(({ name }) => socketOf(name))]);
      for (const path of [...open.keys()]) if (!wanted.has(path)) close(path);
      for (const name of anew) close(socketOf(name));
      if (!open.has(host)) {
        const opened = openOne(host, { kind: "host" });
        if (!opened.ok) return opened;
      }
      for (const { name, roles } of containers) {
        const path = socketOf(name);
        if (open.has(path)) continue;
        const opened = openOne(path, { kind: "container", name, roles });
        if (!opened.ok) return opened;
      }
      return ok(undefined);
    },
  };
}
