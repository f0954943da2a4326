import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ed25519 } from "@noble/curves/ed25519.js";
import {
  makeRequest,
  newPrivateKey,
  type PrivateKey,
  parseHost,
  readPrivateKey,
} from "../../runtime/certificates/index.ts";
import { deviceIdOf } from "../../runtime/fleet/identity/index.ts";
import type { DeviceId, FleetName } from "../../runtime/fleet/terms/index.ts";
import { type HubKeys, type OrderKey, openKeys } from "../../runtime/hub/authority/index.ts";
import { type HubDatabase, openSqlite, type TokenPurpose } from "../../runtime/hub/database/index.ts";
import { openRegistry, type Registry, type Revocations } from "../../runtime/hub/registry/index.ts";
import { type OrderSigner, openSigner } from "../../runtime/hub/signing/index.ts";
import { giveToken } from "../../runtime/hub/token.ts";
import { realDisk } from "../../runtime/store/index.ts";
import { unwrap } from "../signatures/signed-state.ts";

export const DAY_MS = 86_400_000;
export const fleet = "lab" as FleetName;

export interface TestDevice {
  readonly id: DeviceId;
  readonly key: PrivateKey;
  readonly keyPem: string;
  readonly request: Uint8Array;
}

/** A device that has just made its key. */
export function newDevice(): TestDevice {
  const keyPem = newPrivateKey("p256");
  const key = unwrap(readPrivateKey(keyPem));
  const id = deviceIdOf(key.publicKey);
  return { id, key, keyPem, request: makeRequest(id, key) };
}

export const keysIn = async (folder: string, nowMs: number): Promise<HubKeys> =>
  unwrap(await openKeys(realDisk, { folder, fleet, hosts: [unwrap(parseHost("127.0.0.1"))], nowMs, known: false }));

/** An order key that everybody knows. */
export function orderKey(epoch: number): OrderKey {
  const secret = new Uint8Array(32).fill(epoch);
  return { epoch, publicKey: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret) };
}

/** Signs with the order keys up to that epoch, for devices that have what the database says. */
export const testSigner = ({ orderEpochs }: Pick<HubDatabase, "orderEpochs">, newest = 1): OrderSigner =>
  openSigner({
    keys: [orderKey(1), ...Array.from({ length: newest - 1 }, (_, at) => orderKey(at + 2))],
    epochOf: orderEpochs.of,
  });

export interface TestRegistry extends AsyncDisposable {
  readonly registry: Registry;
  readonly database: HubDatabase;
  readonly keys: HubKeys;
  /** What the broker was told, in that order. */
  readonly published: Revocations[];
  /** Whose sessions were ended. */
  readonly ended: DeviceId[];
  /** Who belongs to the fleet since, or has other tags. */
  readonly changed: DeviceId[];
  /** Of whom the broker was to keep nothing more. */
  readonly cleared: DeviceId[];
  /** The clock. */
  nowMs: number;
  addToken(purpose: TokenPurpose, holder: string): Promise<string>;
}

/** A registry with a folder of its own. */
export async function testRegistry(nowMs: number): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-registry-"));
  const database = unwrap(openSqlite(join(folder, "hub.db")));
  const keys = await keysIn(join(folder, "authority"), nowMs);
  const published: Revocations[] = [];
  const [ended, changed, cleared]: [DeviceId[], DeviceId[], DeviceId[]] = [[], [], []];
  const world: TestRegistry = {
    registry: openRegistry({
      database,
      authority: keys.devices,
      now: () => world.nowMs,
      publishRevoked: async (revoked) => void published.push(revoked),
      endSession: async (id) => void ended.push(id),
      changed: async (id) => void changed.push(id),
      clear: async (id) => void cleared.push(id),
    }),
    database,
    keys,
    published,
    ended,
    changed,
    cleared,
    nowMs,
    addToken: (purpose, holder) => giveToken(database, purpose, holder, { who: "test", atMs: world.nowMs }),
    async [Symbol.asyncDispose]() {
      await database.close();
      rmSync(folder, { recursive: true });
    },
  };
  return world;
}
