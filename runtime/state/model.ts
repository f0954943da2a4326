/**
 * What a revision is, as types: the parsed form of a state JSON (`pantavisor-service-system@1`, reference sections 1 and 2).
 * Everything here is plain immutable data; {@link State.text} keeps the bytes that signatures cover.
 */

/** SHA-256 of a file, 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly __brand: "Digest" };

/** A container's name: 1 to 64 of `A-Z a-z 0-9 . _ -`, not starting with a dot or a dash; it is one path component everywhere. */
export type ContainerName = string & { readonly __brand: "ContainerName" };

/**
 * Any JSON value. Objects have no prototype; their members keep the order of the document, except that JavaScript lists names such
 * as `0` and `17` first.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A part of {@link State.text}: UTF-16 indices, `end` exclusive. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/**
 * One top-level member of the state, in document order. `slice` is the value's raw source text, `keySlice` that of the key with its
 * quotes: signatures cover both as written (reference 12.3).
 */
export type Entry = { readonly keySlice: Slice; readonly slice: Slice } & (
  | { readonly kind: "spec"; readonly key: "#spec" }
  | { readonly kind: "object"; readonly key: string; readonly digest: Digest }
  | { readonly kind: "inline"; readonly key: string; readonly value: Json }
);

export type StatusGoal = "MOUNTED" | "STARTED" | "READY";
/** What an update of a container needs: `system` a reboot, `container` only that container. */
export type RestartPolicy = "system" | "container";
export type Role = "mgmt" | "nobody";

/** What happens after the last retry (reference 2.8): reboot, give up on this container, or a longer pause. */
export type BackoffPolicy =
  | { readonly kind: "reboot" }
  | { readonly kind: "never" }
  | { readonly kind: "wait"; readonly ms: number; readonly text: string };

/** Reference 2.8. `maxRetries` 0 is unlimited; `resetWindowMs` and `stableTimeoutMs` 0 are off; `backoffFactor` is at least 1. */
export interface AutoRecovery {
  readonly policy: "no" | "always" | "on-failure" | "unless-stopped";
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly backoffFactor: number;
  readonly resetWindowMs: number;
  readonly stableTimeoutMs: number;
  readonly backoffPolicy: BackoffPolicy;
}

/** Reference 1.6. Order in {@link Device.groups} is start order. */
export interface Group {
  readonly name: string;
  readonly statusGoal: StatusGoal;
  readonly restartPolicy: RestartPolicy;
  /** Milliseconds a member may take to reach its goal; null: the configuration's `PV_UPDATER_GOALS_TIMEOUT`. */
  readonly timeoutMs: number | null;
  readonly autoRecovery: AutoRecovery | null;
}

export type DiskType = "dm-crypt-versatile" | "dm-crypt-caam" | "dm-crypt-dcp" | "swap-disk" | "volume-disk" | "dual";

/** Reference 1.7; optional keys are null when absent. */
export interface DiskDefinition {
  readonly name: string;
  readonly type: DiskType;
  readonly path: string | null;
  readonly mode: string | null;
  readonly format: string | null;
  readonly formatOptions: string | null;
  readonly mountOptions: string | null;
  readonly mountTarget: string | null;
  readonly provision: string | null;
  readonly provisionOptions: string | null;
  readonly uuid: string | null;
  readonly isDefault: boolean;
  readonly aliases: readonly string[];
  readonly migrateKeyblob: boolean;
  readonly members: readonly string[];
  readonly initOrder: readonly string[];
}

export type Persistence = "permanent" | "revision" | "boot";

/** One entry of `storage` in run.json or of `volumes` in device.json (reference 2.4). */
export interface StorageVolume {
  readonly name: string;
  readonly persistence: Persistence;
  readonly disk: string | null;
  /** Whose the volume is as long as there is nothing in it; absent: root's. */
  readonly owner?: VolumeOwner;
}

export interface VolumeOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Reference 1.5, `network.pools`. */
export interface NetworkPool {
  readonly name: string;
  readonly type: "bridge" | "macvlan";
  readonly bridge: string | null;
  readonly parent: string | null;
  readonly subnet: string;
  readonly gateway: string;
  readonly nat: boolean;
}

/** Device-wide settings: device.json, or the older groups.json and disks.json. */
export interface Device {
  readonly groups: readonly Group[];
  /** True when neither device.json nor groups.json gave groups, so that the default groups and the `runlevel` key apply. */
  readonly runlevels: boolean;
  readonly disks: readonly DiskDefinition[];
  readonly volumes: readonly StorageVolume[];
  readonly pools: readonly NetworkPool[];
}

/** Reference 1.4 plus Cairn's key `rootfs`. File names are single components below `bsp/`. */
export interface Bsp {
  readonly fit: string | null;
  readonly rpiab: string | null;
  readonly linux: string | null;
  readonly initrd: string | null;
  readonly fdt: string | null;
  readonly rootfs: string | null;
  /** `modules` (key "") and `modules_<release>` (key `<release>`): volume references, see {@link VolumeRef}. */
  readonly modules: ReadonlyMap<string, VolumeRef>;
  readonly firmware: VolumeRef | null;
  /** Manifests `bsp/_dm/<image>.json` of the `dm:` volumes above. */
  readonly verity: readonly VerityManifest[];
  readonly addons: readonly string[];
}

/** Reference 2.3: how a named file is mounted. `file` is relative to the owner's folder in the trail, or absolute for the bsp. */
export interface VolumeRef {
  readonly handler: "dm" | null;
  readonly file: string;
  readonly mount: "bind-file" | "bind-folder" | "image";
  /** File system type for `image`: the file's extension, such as `squashfs`, `erofs`, `ext4`. Empty for binds. */
  readonly fstype: string;
}

/** `<c>/_dm/<image>.json` (reference 5.5). Names are files in the container's folder. */
export interface VerityManifest {
  readonly image: string;
  readonly dataDevice: string;
  readonly hashDevice: string;
  readonly rootHash: string;
}

/** Reference 2.6. */
export type LogSource =
  | {
      readonly kind: "file";
      readonly file: string;
      readonly name: string | null;
      readonly maxBytes: number;
      readonly truncate: boolean;
    }
  | { readonly kind: "lxc" }
  | { readonly kind: "console" };

/** Reference 2.7, consumer side. */
export interface ServiceRequest {
  readonly name: string;
  readonly type: string | null;
  readonly role: string | null;
  readonly interface: string | null;
  readonly target: string | null;
}

/** Reference 1.9, provider side. */
export interface ServiceExport {
  readonly name: string | null;
  readonly type: "rest" | "dbus" | "unix" | "drm" | "wayland" | "input";
  readonly socket: string | null;
  readonly bus: string | null;
  readonly owns: string | null;
  readonly role: string | null;
  readonly allow: readonly string[];
}

/** Reference 2.9. */
export interface ContainerNetwork {
  readonly mode: "host" | "pool" | "none";
  readonly pool: string | null;
  readonly hostname: string | null;
  readonly ip: string | null;
  readonly mac: string | null;
}

/** Driver aliases a container wants (reference 2.5). */
export interface DriverRequests {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly manual: readonly string[];
}

/** One container: run.json (section 2) and the files that belong to it, group defaults already applied. */
export interface Container {
  readonly name: ContainerName;
  readonly type: "lxc" | null;
  readonly group: string;
  readonly restartPolicy: RestartPolicy;
  readonly statusGoal: StatusGoal;
  readonly roles: readonly Role[];
  /** The container's own block, else its group's; null: neither has one. A container opts out of its group's with policy `no`. */
  readonly autoRecovery: AutoRecovery | null;
  readonly network: ContainerNetwork;
  /** LXC configuration file in the container's folder; null for containers that are never started. */
  readonly config: string | null;
  readonly rootVolume: VolumeRef | null;
  /** Without {@link rootVolume}, each file once. */
  readonly volumes: readonly VolumeRef[];
  /** Manifests of the `dm:` volumes, and of no others. */
  readonly verity: readonly VerityManifest[];
  /** null: the key is absent, and the two default loggers of reference 2.6 apply. */
  readonly logs: readonly LogSource[] | null;
  readonly storage: readonly StorageVolume[];
  readonly drivers: DriverRequests;
  readonly services: { readonly required: readonly ServiceRequest[]; readonly optional: readonly ServiceRequest[] };
  readonly exportedServices: readonly ServiceExport[];
  readonly exports: readonly string[];
  /** null: the configuration's `PV_LOG_AUTO_DEVLOG`. */
  readonly devLog: boolean | null;
  /** False when `automodfw` is `"no"`: no automatic binds of modules and firmware. */
  readonly automodfw: boolean;
  /** True when the state holds any `_config/<name>/…` key. */
  readonly hasConfigOverlay: boolean;
}

/** Reference 1.8: section name (`all`, `fitconfig:…`, `dtb:…`, `ovl:…`) → alias → module lines. */
export type DriverAliases = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** One `pvs@2` signature object, undecoded: `state/` finds them, a later layer verifies them. */
export interface SignatureEntry {
  readonly key: string;
  readonly protected: string;
  readonly signature: string;
}

/** Something odd in the state that does not refuse it. `path` is the key and the place in its value. */
export interface StateWarning {
  readonly path: string;
  readonly message: string;
}

/** A whole parsed state. */
export interface State {
  readonly spec: "pantavisor-service-system@1";
  /** The original document, unchanged. */
  readonly text: string;
  /** All members in document order. */
  readonly entries: readonly Entry[];
  readonly bsp: Bsp | null;
  readonly device: Device;
  /** In document order, which is start order within a group. */
  readonly containers: readonly Container[];
  readonly drivers: DriverAliases;
  readonly signatures: readonly SignatureEntry[];
  readonly warnings: readonly StateWarning[];
}
