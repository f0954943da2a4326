/** What the hub keeps: devices, their certificates, tokens, settings, and who did what. SQLite is one way to keep it. */
export type { BeaconRecords, DueBeacon } from "./beacons.ts";
export type { By } from "./by.ts";
export type {
  Command,
  CommandAnswer,
  CommandPublication,
  CommandRecords,
  KeptCommand,
  NewCommand,
} from "./commands.ts";
export type {
  Deed,
  Device,
  DeviceCertificate,
  DeviceStatus,
  HubDatabase,
  NewDevice,
  Report,
  RevokedCertificate,
  Token,
  TokenPurpose,
} from "./database.ts";
export type { LogBatch, LogRecords } from "./logs.ts";
export type { MetaChange, MetaRecords, MetaStanding, UserMetaRow } from "./metadata.ts";
export type { OrderEpochRecords } from "./order-epochs.ts";
export type { ParcelName, ParcelRecord, ParcelRecords } from "./parcels.ts";
export type {
  KeptOrder,
  NewOrder,
  NewRelease,
  Order,
  Progress,
  Publication,
  Release,
  ReleaseRecords,
  Standing,
  Tally,
} from "./releases.ts";
export type { Revision, RevisionRecords } from "./revisions.ts";
export { type DatabaseFault, explainDatabase, isDatabaseFull, openSqlite } from "./sqlite.ts";
