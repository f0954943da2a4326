/** What the hub keeps: devices, their certificates, tokens, settings, and who did what. SQLite is one way to keep it. */
export type {
  By,
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
export { type DatabaseFault, explainDatabase, openSqlite } from "./sqlite.ts";
