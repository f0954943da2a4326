import type { DeviceId, Presence } from "../../fleet/terms/index.ts";
import type { BeaconRecords } from "./beacons.ts";
import type { By } from "./by.ts";
import type { CommandRecords } from "./commands.ts";
import type { LogRecords } from "./logs.ts";
import type { MetaRecords } from "./metadata.ts";
import type { OrderEpochRecords } from "./order-epochs.ts";
import type { ParcelRecords } from "./parcels.ts";
import type { ReleaseRecords } from "./releases.ts";
import type { RevisionRecords } from "./revisions.ts";

/** Waiting for an operator, one of the fleet, or shut out for good. */
export type DeviceStatus = "waiting" | "accepted" | "revoked";

/** A device as the hub knows it. Times are milliseconds since 1970. */
export interface Device {
  readonly id: DeviceId;
  /** SubjectPublicKeyInfo. */
  readonly key: Uint8Array;
  readonly status: DeviceStatus;
  /** Six characters that an operator compares with what the device shows. */
  readonly code: string;
  readonly tags: readonly string[];
  /** When it first asked, when its status last changed, and when it last asked for a certificate. */
  readonly firstMs: number;
  readonly changedMs: number;
  readonly askedMs: number;
  readonly report: Report | null;
  /** What was last heard of its link. */
  readonly presence: { readonly is: Presence; readonly atMs: number } | null;
  /** How often and when last its count of bytes fell (`registry/twins`). */
  readonly falls: { readonly count: number; readonly atMs: number } | null;
}

/** What a device last said of itself. */
export interface Report {
  readonly atMs: number;
  readonly text: string;
}

export type NewDevice = Pick<Device, "id" | "key" | "code"> & { readonly status: "waiting" | "accepted" };

export interface DeviceCertificate {
  readonly serial: Uint8Array;
  readonly der: Uint8Array;
  readonly notAfterMs: number;
}

export interface RevokedCertificate {
  readonly device: DeviceId;
  readonly serial: Uint8Array;
  readonly atMs: number;
}

export type TokenPurpose = "join" | "operator";

/** A token that was given out. It is kept as its SHA-256: nobody learns a token from the database. */
export interface Token {
  readonly hash: Uint8Array;
  readonly purpose: TokenPurpose;
  /** Who has it, for the audit log. */
  readonly holder: string;
}

export const deeds = [
  "join",
  "accept",
  "revoke",
  "tag",
  "token",
  "noToken",
  "revision",
  "noRevision",
  "release",
  "command",
  "meta",
  "orderKey",
] as const;

/** A line of the audit log: everything that changes who belongs to the fleet, or what it is to run, leaves one. */
export interface Deed extends By {
  readonly what: (typeof deeds)[number];
  /** A device's id, a token's holder, a revision's digest; of a command also what it was, of metadata the keys. */
  readonly about: string;
}

/**
 * What the hub asks of a database. Each call is one step that happens wholly or not at all, so that many hubs may share one; what
 * changes somebody's rights writes its audit line in the same step. A failing database rejects: no caller can go on without it.
 */
export interface HubDatabase {
  readonly revisions: RevisionRecords;
  readonly releases: ReleaseRecords;
  readonly parcels: ParcelRecords;
  readonly commands: CommandRecords;
  readonly logs: LogRecords;
  readonly beacons: BeaconRecords;
  readonly metadata: MetaRecords;
  readonly orderEpochs: OrderEpochRecords;

  /** False: it is known already, and nothing has changed. */
  addDevice(device: NewDevice, by: By): Promise<boolean>;
  findDevice(id: DeviceId): Promise<Device | null>;
  /** In the order of their ids. */
  listDevices(): Promise<readonly Device[]>;
  /** Takes a waiting device into the fleet; false: it does not wait. */
  acceptDevice(id: DeviceId, by: By): Promise<boolean>;
  /** Shuts a device out, with every certificate it has; false: it is unknown or out already. */
  revokeDevice(id: DeviceId, by: By): Promise<boolean>;
  /** Replaces a device's tags; false: it is unknown. */
  setTags(id: DeviceId, tags: readonly string[], by: By): Promise<boolean>;
  /** Notes that a device asks; false: it is unknown. */
  markAsked(id: DeviceId, atMs: number): Promise<boolean>;
  setReport(id: DeviceId, report: Report): Promise<boolean>;
  setFalls(id: DeviceId, falls: NonNullable<Device["falls"]>): Promise<void>;
  setPresence(id: DeviceId, presence: Presence, atMs: number): Promise<boolean>;
  /** Devices that are out, of which the broker may still keep something. */
  listUncleared(): Promise<readonly DeviceId[]>;
  /** The broker keeps nothing of it any more. */
  markCleared(id: DeviceId, atMs: number): Promise<void>;
  countWaiting(): Promise<number>;
  /** Forgets devices that wait and have not asked since. */
  forgetWaiting(askedBeforeMs: number): Promise<void>;

  /** Keeps a certificate of an accepted device; false: it is not accepted (any more), and must not get it. */
  addCertificate(id: DeviceId, certificate: DeviceCertificate): Promise<boolean>;
  /** The one that ends last of those that are not revoked. */
  newestCertificate(id: DeviceId): Promise<DeviceCertificate | null>;
  /** Revoked certificates that have not ended by then. */
  revokedCertificates(notAfterMs: number): Promise<readonly RevokedCertificate[]>;

  addToken(token: Token, by: By): Promise<void>;
  /** Takes back every token of a holder for a purpose; the value is how many those were. */
  removeTokens(purpose: TokenPurpose, holder: string, by: By): Promise<number>;
  listTokens(purpose: TokenPurpose): Promise<readonly Token[]>;

  /** The newest first. */
  listDeeds(max: number): Promise<readonly Deed[]>;

  setting(name: string): Promise<string | null>;
  setSetting(name: string, value: string): Promise<void>;

  close(): Promise<void>;
}
