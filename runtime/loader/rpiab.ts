import { err, ok, type Result } from "../result.ts";
import { factory, type RevisionName, type State } from "../state/index.ts";
import type { Disk } from "../store/index.ts";
import type { Area } from "./area.ts";
import { type Autoboot, autoboot, swapped } from "./autoboot.ts";
import { bootImage, sameImage, writeImage } from "./boot-image.ts";
import { type EnvFile, readEnv, replaceEnv } from "./env-file.ts";
import { type Environment, fileEnvironment } from "./environment.ts";
import { checkedState } from "./environment-loader.ts";
import type { Loader, LoaderError, LoaderResult, LoaderState } from "./model.ts";
import { including, revisionList } from "./revision-list.ts";
import { rpiabText } from "./uboot-text.ts";
import { type Variables, withState } from "./variables.ts";

/** A FAT file system that is mounted only while it is used. */
export interface Mountable {
  /** Mounts it, hands its folder to `use`, unmounts it on every way out. */
  mounted<T>(use: (folder: string) => LoaderResult<T>): LoaderResult<T>;
}

/** One of the two partitions with a boot image. */
export interface BootPartition extends Mountable {
  /** As `boot_partition` counts, from 1. */
  readonly number: number;
  /** The whole partition. Written only while it is not mounted. */
  readonly area: Area;
}

export interface RpiabPorts {
  readonly disk: Disk;
  /** Top folder of the storage tree. */
  readonly storage: string;
  /** The first partition, where the firmware reads `autoboot.txt`. */
  readonly selector: Mountable;
  readonly partitions: readonly [BootPartition, BootPartition];
}

/** A boot partition and the revisions that boot with its image, `pv_rev.txt`. */
interface Side {
  readonly partition: BootPartition;
  readonly list: readonly RevisionName[];
}

interface View {
  readonly variables: Variables;
  /** What holds; `variables` say the same unless `halfCommitted`. */
  readonly state: LoaderState;
  /** `autoboot.txt` is swapped already and the variables still speak of a trial. */
  readonly halfCommitted: boolean;
  readonly autoboot: Autoboot;
  readonly normal: Side;
  readonly inactive: BootPartition;
  /** As {@link Side.list}. The partition may hold half an image, and what it holds matters only to who asks for it. */
  readonly inactiveList: Result<readonly RevisionName[], LoaderError>;
}

const listFile = (disk: Disk, folder: string): EnvFile<readonly RevisionName[]> => ({
  disk,
  path: `${folder}/pv_rev.txt`,
  format: revisionList,
});
const autobootFile = (disk: Disk, folder: string): EnvFile<Autoboot> => ({
  disk,
  path: `${folder}/autoboot.txt`,
  format: autoboot,
});

const readList = ({ disk }: RpiabPorts, partition: BootPartition): LoaderResult<readonly RevisionName[]> =>
  partition.mounted((folder) => readEnv(listFile(disk, folder)));
const writeList = ({ disk }: RpiabPorts, partition: BootPartition, list: readonly RevisionName[]): LoaderResult<void> =>
  partition.mounted((folder) => replaceEnv(listFile(disk, folder), list));

/**
 * A commit that changes the partition has two writes, `autoboot.txt` and `rpiab.txt`. The first one is the commit: when the partition
 * that boots knows the revision on trial and not the committed one, the trial is what boots, and it is committed.
 */
function settledState(said: LoaderState, list: readonly RevisionName[]): LoaderState {
  const { committed, trial } = said;
  const swappedAlready = trial !== null && list.includes(trial) && !list.includes(committed ?? factory);
  return swappedAlready ? { committed: trial, trial: null } : said;
}

async function look(ports: RpiabPorts, environment: Environment): LoaderResult<View> {
  const variables = await environment.read();
  if (!variables.ok) return variables;
  const selected = await ports.selector.mounted((folder) => readEnv(autobootFile(ports.disk, folder)));
  if (!selected.ok) return selected;
  const numbered = (wanted: number): BootPartition | undefined =>
    ports.partitions.find(({ number }) => number === wanted);
  const [normal, inactive] = [numbered(selected.value.normal), numbered(selected.value.tryboot)];
  if (normal === undefined || inactive === undefined) {
    const problem = `it names partitions ${selected.value.normal} and ${selected.value.tryboot}`;
    return err({ kind: "unreadable", path: "autoboot.txt", problem });
  }
  const list = await readList(ports, normal);
  if (!list.ok) return list;
  const said = checkedState(variables.value);
  const state = settledState(said, list.value);
  return ok({
    variables: variables.value,
    state,
    halfCommitted: state !== said,
    autoboot: selected.value,
    normal: { partition: normal, list: list.value },
    inactive,
    inactiveList: await readList(ports, inactive),
  });
}

/** Whether the inactive partition boots with that revision. One that has no file system or list boots with none. */
function waitsElsewhere({ inactiveList }: View, rev: RevisionName): Result<boolean, LoaderError> {
  if (inactiveList.ok) return ok(inactiveList.value.includes(rev));
  return inactiveList.error.kind === "disk" ? inactiveList : ok(false);
}

/**
 * Raspberry Pi with two boot partitions (reference 6.4, Raspberry Pi's documentation, config_txt/autoboot). The firmware boots the
 * partition that `autoboot.txt` names for `[all]`, or once, after a reboot with the argument "0 tryboot", that for `[tryboot]`. Which
 * revision runs with that image is for the first stage (bsp-buildroot/initramfs/init) to decide, by `rpiab.txt` and the partition's `pv_rev.txt`:
 *
 * - it was a tryboot, and `pv_try` is in the list: `pv_try`, on trial;
 * - no tryboot, `pv_try` is in the list, `pv_rev` is not: `pv_try`, which is committed (see {@link settledState});
 * - no tryboot, both are in the list: as GRUB and U-Boot do (6.1), `pv_try` if `pv_trying` does not name it yet, else `pv_rev`. The first
 *   stage keeps `pv_trying` itself, in `boot/rpiab.trying`, and clears it with every other choice;
 * - else `pv_rev`.
 */
export function openRpiab(ports: RpiabPorts): Loader {
  const { disk, storage, selector } = ports;
  const environment = fileEnvironment({ disk, path: `${storage}/boot/rpiab.txt`, format: rpiabText });

  const save = ({ variables }: View, state: LoaderState): LoaderResult<void> =>
    environment.write(withState(variables, state));

  /** Looks, and first ends a commit that a power cut interrupted: what is decided next compares revisions with lists. */
  const lookSettled = async (): LoaderResult<View> => {
    const view = await look(ports, environment);
    if (!view.ok || !view.value.halfCommitted) return view;
    const saved = await save(view.value, view.value.state);
    return saved.ok ? look(ports, environment) : saved;
  };

  /** Boots with the image of the normal partition: its list gets the revision. */
  const share = ({ normal, state }: View, rev: RevisionName): LoaderResult<void> =>
    writeList(ports, normal.partition, including(normal.list, [state.committed ?? factory, rev]));

  /** Has an image of its own: it goes to the inactive partition. Its list comes last, so that half an image boots nothing. */
  const place = async ({ normal, inactive }: View, rev: RevisionName, packed: boolean): LoaderResult<void> => {
    if (normal.list.includes(rev)) {
      const others = normal.list.filter((one) => one !== rev); // another state had that name
      const dropped = await writeList(ports, normal.partition, others);
      if (!dropped.ok) return dropped;
    }
    const written = await writeImage(disk, bootImage(storage, rev, packed), inactive.area);
    return written.ok ? writeList(ports, inactive, [rev]) : written;
  };

  const install = async (rev: RevisionName, { bsp }: State): LoaderResult<void> => {
    const file = bsp?.rpiab ?? null;
    if (file === null) return err({ kind: "bootFile", rev, wanted: "rpiab" });
    const view = await lookSettled();
    if (!view.ok) return view;
    const committed = view.value.state.committed ?? factory;
    if (rev === committed) return ok(undefined);
    const packed = file.endsWith(".gz");
    const same = await sameImage(disk, bootImage(storage, rev, packed), storage, committed);
    if (!same.ok) return same;
    return same.value ? share(view.value, rev) : place(view.value, rev, packed);
  };

  const arm = async (rev: RevisionName): LoaderResult<void> => {
    const view = await lookSettled();
    if (!view.ok) return view;
    const { normal, state } = view.value;
    const installed = normal.list.includes(rev) ? ok(true) : waitsElsewhere(view.value, rev);
    if (!installed.ok) return installed;
    if (!installed.value) return err({ kind: "notInstalled", rev });
    return save(view.value, { committed: state.committed, trial: rev });
  };

  /** The partition's other revisions can be booted again once they are installed again. */
  const finish = async (rev: RevisionName): LoaderResult<void> => {
    const view = await look(ports, environment);
    if (!view.ok) return view;
    const saved = await save(view.value, { committed: rev, trial: null });
    return saved.ok ? writeList(ports, view.value.normal.partition, [rev]) : saved;
  };

  const commit = async (rev: RevisionName): LoaderResult<void> => {
    const view = await lookSettled();
    if (!view.ok) return view;
    const { normal, state } = view.value;
    if (normal.list.includes(rev)) return finish(rev);
    const elsewhere = waitsElsewhere(view.value, rev);
    if (!elsewhere.ok) return elsewhere;
    if (!elsewhere.value) return err({ kind: "notInstalled", rev });
    if (state.trial !== rev) {
      const armed = await save(view.value, { committed: state.committed, trial: rev });
      if (!armed.ok) return armed;
    }
    const switched = await selector.mounted((folder) =>
      replaceEnv(autobootFile(disk, folder), swapped(view.value.autoboot)),
    );
    return switched.ok ? finish(rev) : switched;
  };

  const disarm = async (): LoaderResult<void> => {
    const view = await lookSettled();
    return view.ok ? save(view.value, { committed: view.value.state.committed, trial: null }) : view;
  };

  const rebootArgument = async (armed: boolean): LoaderResult<string | null> => {
    if (!armed) return ok(null);
    const view = await look(ports, environment);
    if (!view.ok) return view;
    const { state, normal } = view.value;
    if (state.trial === null || normal.list.includes(state.trial)) return ok(null);
    const elsewhere = waitsElsewhere(view.value, state.trial);
    return elsewhere.ok ? ok(elsewhere.value ? "0 tryboot" : null) : elsewhere;
  };

  const read = async (): Promise<Result<LoaderState, LoaderError>> => {
    const view = await look(ports, environment);
    return view.ok ? ok(view.value.state) : view;
  };

  return { type: "rpiab", canTry: true, read, install, arm, commit, disarm, rebootArgument };
}
