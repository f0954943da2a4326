import { type ContainerInit, identify } from "./container-file.ts";
import type { ContainerLogSource } from "./model.ts";
import { FOR_CONTAINERS, type Outputs } from "./outputs.ts";
import type { Position } from "./read-plan.ts";
import type { LogConfig } from "./settings.ts";
import { type FollowedFile, openTail, type Tail } from "./tail.ts";
import type { Watcher } from "./watcher.ts";

export interface AttachSpec {
  readonly pid: number;
  readonly sources: readonly ContainerLogSource[] | null;
}

export interface ContainersOptions {
  readonly config: () => LogConfig;
  readonly outputs: Outputs;
  readonly watcher: () => Watcher | null;
  /** Folder of liblxc's own files of a container; null while there is no storage. */
  readonly lxcFolder: (container: string) => string | null;
  readonly warn: (text: string) => void;
  readonly failed: (thrown: unknown) => void;
}

export interface Containers {
  attach(container: string, spec: AttachSpec): void;
  detach(container: string): void;
  /** Starts every tail anew, with other settings or another watcher; nothing is read twice. */
  restart(): void;
  readonly names: readonly string[];
}

const DEFAULT_MAX_BYTES = 2 << 20;
/** Reference 2.6: what is followed when run.json has no `logs`. */
const DEFAULT_SOURCES: readonly ContainerLogSource[] = ["/var/log/syslog", "/var/log/messages"].map((file) => ({
  kind: "file",
  file,
  maxBytes: DEFAULT_MAX_BYTES,
  truncate: true,
}));
const PATH_CHARS_MAX = 1024;
const FILES_MAX = 64;

/** A path as an author wrote it, made absolute and free of empty names; null when it cannot be one below the log folder. */
export function logPath(file: string): string | null {
  const names = file.split("/").filter((name) => name !== "" && name !== ".");
  const bad = names.length === 0 || file.length > PATH_CHARS_MAX || names.includes("..") || /\p{Cc}/u.test(file);
  return bad ? null : `/${names.join("/")}`;
}

/** What an {@link AttachSpec} meant at that moment: null, the init had ended already. */
interface Following {
  readonly init: ContainerInit | null;
  readonly sources: readonly ContainerLogSource[];
}

export function openContainers({ config, outputs, watcher, lxcFolder, warn, failed }: ContainersOptions): Containers {
  const attached = new Map<string, { readonly spec: Following; readonly tails: ReadonlyMap<string, Tail> }>();
  /** How far each file was read, also while its container is not there. */
  const positions = new Map<string, Position>();

  const follow = (
    container: string,
    init: ContainerInit,
    file: FollowedFile,
    source: string,
    copy: boolean,
  ): Tail | null => {
    const watch = watcher();
    if (watch === null) return null; // all is started again when there is one
    const output = outputs.container(container, source, copy);
    return openTail({
      init,
      file,
      watcher: watch,
      last: positions.get(`${container}:${file.path}`) ?? null,
      on: {
        ...output,
        skipped: (bytes) => warn(`${container}: ${file.path} grew too fast, ${bytes} bytes of it were skipped`),
        refused: (why) => warn(`${container}: ${file.path} is not followed: ${why}`),
        failed,
      },
    });
  };

  const filesOf = (container: string, sources: readonly ContainerLogSource[]): readonly FollowedFile[] => {
    const files = new Map<string, FollowedFile>();
    for (const source of sources) {
      if (source.kind !== "file") continue; // console and library log are always kept
      const path = logPath(source.file);
      if (path === null) warn(`${container}: ${JSON.stringify(source.file)} is not followed: it is no path of a file`);
      else files.set(path, { path, maxBytes: source.maxBytes, truncate: source.truncate });
    }
    if (files.size > FILES_MAX)
      warn(`${container}: only the first ${FILES_MAX} of ${files.size} log files are followed`);
    return [...files.values()].slice(0, FILES_MAX);
  };

  const tailsOf = (container: string, { init, sources }: Following): ReadonlyMap<string, Tail> => {
    const tails = new Map<string, Tail>();
    const { PV_LOG_CAPTURE, PV_LOG_LOGGERS, PV_LOG_SERVER_OUTPUTS } = config();
    if (!PV_LOG_CAPTURE) return tails;
    const add = (file: FollowedFile, tail: Tail | null): void => void (tail !== null && tails.set(file.path, tail));
    if (PV_LOG_LOGGERS && init !== null) {
      for (const file of filesOf(container, sources)) {
        add(file, follow(container, init, file, file.path.slice(1), true));
      }
    }
    const [own, folder] = [identify(process.pid), lxcFolder(container)];
    if (own === null || folder === null || !FOR_CONTAINERS.some((output) => PV_LOG_SERVER_OUTPUTS.includes(output)))
      return tails;
    for (const name of ["console.log", "lxc.log"]) {
      const file = { path: `${folder}/${name}`, maxBytes: DEFAULT_MAX_BYTES, truncate: false };
      add(file, follow(container, own, file, `lxc/${name}`, false));
    }
    return tails;
  };

  const stop = (container: string): void => {
    for (const [path, tail] of attached.get(container)?.tails ?? []) {
      tail.close();
      if (tail.position !== null) positions.set(`${container}:${path}`, tail.position);
    }
    attached.delete(container);
  };
  const start = (container: string, spec: Following): void => {
    stop(container);
    attached.set(container, { spec, tails: tailsOf(container, spec) });
  };

  return {
    attach: (container, { pid, sources }) =>
      start(container, { init: identify(pid), sources: sources ?? DEFAULT_SOURCES }),
    detach: stop,
    restart() {
      for (const [container, { spec }] of [...attached]) start(container, spec);
    },
    get names() {
      return [...attached.keys()];
    },
  };
}
