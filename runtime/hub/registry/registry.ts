import { createHash, randomBytes } from "node:crypto";
import { readRequest } from "../../certificates/index.ts";
import { deviceIdOf } from "../../fleet/identity/index.ts";
import { base32, type DeviceId, type Presence, parseDeviceId, renewalDueMs } from "../../fleet/terms/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { encodePublicKey, type PublicKey, readCertificate, readPublicKey } from "../../signatures/index.ts";
import { type Authority, certifyDevice, deviceOf, isRenewalDue, listRevoked } from "../authority/index.ts";
import type { Device, HubDatabase } from "../database/index.ts";
import { matchToken } from "../token.ts";
import { type DeviceFault, type EnrolFault, type Enrolment, isTag, limits } from "./model.ts";
import { fallOf } from "./twins.ts";

export interface RegistryPorts {
  readonly database: HubDatabase;
  readonly authority: Authority;
  /** Milliseconds since 1970. */
  now(): number;
  /** Tells the broker who is out; after this nobody of them gets in any more. */
  publishRevoked(revoked: Revocations): Promise<void>;
  /** Ends what a device that is out still has open. */
  endSession(id: DeviceId): Promise<void>;
  /** A device belongs to the fleet from now on, or its tags have changed. */
  changed(id: DeviceId): Promise<void>;
  /** A device is out: takes away what the broker keeps of it, or as much of that as can be done now. */
  clear(id: DeviceId): Promise<void>;
}

/** Who is shut out and still has a certificate that has not ended. */
export interface Revocations {
  /** A certificate revocation list in DER. */
  readonly list: Uint8Array;
  readonly devices: readonly DeviceId[];
}

/** Who belongs to the fleet. `name` of a device is its id, or the code of one that waits; `who` goes into the audit log. */
export interface Registry {
  /**
   * Answers a certificate request (PKCS #10 in DER). With a join token of the fleet the device is one of it at once; without one it
   * waits for an operator and asks again. One that was accepted gets the same certificate until it is to be renewed.
   */
  enrol(request: Uint8Array, token: string | null): Promise<Result<Enrolment, EnrolFault>>;
  /**
   * Another certificate for the key of a device, which has one that ends then; the same again until the device has it. `tooEarly`: the one
   * that it has is good for long.
   */
  renew(id: DeviceId, notAfterMs: number): Promise<Renewed>;
  list(): Promise<readonly Device[]>;
  find(name: string): Promise<Result<Device, DeviceFault>>;
  accept(name: string, who: string): Promise<Result<Device, DeviceFault>>;
  /** For good: the key never gets a certificate again, and those it has count no more. */
  revoke(name: string, who: string): Promise<Result<Device, DeviceFault>>;
  tag(name: string, tags: readonly string[], who: string): Promise<Result<Device, DeviceFault>>;
  /** Keeps what a device says of itself; false: nobody knows it, or it says too much. */
  report(id: DeviceId, text: string): Promise<boolean>;
  /** Keeps what is heard of a device's link; false: nobody knows it. */
  presence(id: DeviceId, presence: Presence): Promise<boolean>;
  /** Publishes the list of revoked certificates. Comes first, and again whenever it may have been lost. */
  publishRevoked(): Promise<void>;
}

/** `stranger`: it is not one of the fleet (any more). */
export type Renewed =
  | { readonly kind: "renewed"; readonly certificate: Uint8Array }
  | { readonly kind: "stranger" | "tooEarly" };

/** A device's clock may be ahead by as much. */
const CLOCK_MS = 86_400_000;

/** Lists are dated back by so much: room for as many seconds' worth of lists at once. */
const LIST_BACK_MS = 3_600_000;

export function openRegistry(ports: RegistryPorts): Registry {
  const { database, authority } = ports;

  async function takeUp(id: DeviceId, key: PublicKey, token: string | null): Promise<Result<Device, EnrolFault>> {
    const holder = token === null ? null : matchToken(token, await database.listTokens("join"));
    if (token !== null && holder === null) return err({ kind: "token" });
    const by = { who: holder?.holder ?? "device", atMs: ports.now() };
    const before = await database.findDevice(id);
    if (before === null) {
      await database.forgetWaiting(by.atMs - limits.waitingMs);
      const isFull = holder === null && (await database.countWaiting()) >= limits.waitingMax;
      if (isFull) return err({ kind: "full", waitingMax: limits.waitingMax });
      const status = holder === null ? "waiting" : "accepted";
      const added = await database.addDevice({ id, key: encodePublicKey(key), code: newCode(id), status }, by);
      if (added && status === "accepted") await ports.changed(id);
    } else {
      if (by.atMs - before.askedMs >= limits.askedMs) await database.markAsked(id, by.atMs);
      if (holder !== null && before.status === "waiting" && (await database.acceptDevice(id, by))) {
        await ports.changed(id);
      }
    }
    const device = await database.findDevice(id);
    if (device === null) return err({ kind: "full", waitingMax: limits.waitingMax }); // forgotten meanwhile
    if (!Buffer.from(device.key).equals(encodePublicKey(key))) return err({ kind: "taken", id });
    return ok(device);
  }

  async function certificateFor(id: DeviceId, key: PublicKey): Promise<Uint8Array | null> {
    const nowMs = ports.now();
    const old = await database.newestCertificate(id);
    return old !== null && !isRenewalDue(old, nowMs) ? old.der : certify(id, key, nowMs);
  }

  async function certify(id: DeviceId, key: PublicKey, nowMs: number): Promise<Uint8Array | null> {
    const der = certifyDevice(authority, key, nowMs);
    const read = readCertificate(der);
    if (!read.ok) throw new Error(`a certificate that was just issued: ${read.error}`);
    const { serial, notAfterMs } = read.value;
    return (await database.addCertificate(id, { serial, der, notAfterMs })) ? der : null;
  }

  async function find(name: string): Promise<Result<Device, DeviceFault>> {
    const id = parseDeviceId(name);
    if (id !== null) {
      const device = await database.findDevice(id);
      return device === null ? err({ kind: "unknown", name }) : ok(device);
    }
    const waiting = (await database.listDevices()).filter(({ status, code }) => status === "waiting" && code === name);
    const [device, second] = waiting;
    if (device === undefined) return err({ kind: "unknown", name });
    return second === undefined ? ok(device) : err({ kind: "ambiguous", name, ids: waiting.map(({ id }) => id) });
  }

  let publishing = Promise.resolve();
  let listMs = 0;
  /** One after the other: an older list must not come after a newer one. */
  function publishRevoked(): Promise<void> {
    const publish = async (): Promise<void> => {
      const nowMs = ports.now();
      const revoked = await database.revokedCertificates(nowMs);
      // Lists of one second would count as equally old. So each is a second later than the last, and none is of the future.
      listMs = Math.max(nowMs - LIST_BACK_MS, listMs + 1000);
      const devices = [...new Set(revoked.map(({ device }) => device))];
      await ports.publishRevoked({ list: listRevoked(authority, revoked, listMs), devices });
    };
    publishing = publishing.then(publish, publish);
    return publishing;
  }

  return {
    async enrol(bytes, token) {
      const request = readRequest(bytes);
      if (!request.ok) return err({ kind: "request", fault: request.error });
      const { key } = request.value;
      const id = deviceOf(request.value);
      if (id === null) return err({ kind: "name", wanted: deviceIdOf(key) });
      const taken = await takeUp(id, key, token);
      if (!taken.ok) return taken;
      const { status, code } = taken.value;
      if (status === "waiting") return ok({ kind: "waiting", id, code });
      const certificate = status === "accepted" ? await certificateFor(id, key) : null;
      return certificate === null ? err({ kind: "revoked", id }) : ok({ kind: "certified", id, certificate });
    },
    async renew(id, notAfterMs) {
      const nowMs = ports.now();
      const device = await database.findDevice(id);
      const key = device?.status === "accepted" ? readPublicKey(device.key) : null;
      if (key?.ok !== true) return { kind: "stranger" };
      const newest = await database.newestCertificate(id);
      const read = newest === null ? null : readCertificate(newest.der);
      const isGood = read?.ok === true && nowMs + CLOCK_MS < renewalDueMs(read.value);
      if (isGood && newest !== null) {
        return newest.notAfterMs > notAfterMs + 1000
          ? { kind: "renewed", certificate: newest.der }
          : { kind: "tooEarly" };
      }
      const certificate = await certify(id, key.value, nowMs);
      return certificate === null ? { kind: "stranger" } : { kind: "renewed", certificate };
    },
    list: () => database.listDevices(),
    find,
    async accept(name, who) {
      const found = await find(name);
      if (!found.ok) return found;
      const { id } = found.value;
      const accepted = await database.acceptDevice(id, { who, atMs: ports.now() });
      if (accepted) await ports.changed(id);
      const device = await find(id);
      return accepted || !device.ok ? device : err({ kind: "status", device: device.value, wanted: "waiting" });
    },
    async revoke(name, who) {
      const found = await find(name);
      if (!found.ok) return found;
      const { id } = found.value;
      const revoked = await database.revokeDevice(id, { who, atMs: ports.now() });
      // Also when it was revoked already: it may not have reached the broker then.
      await publishRevoked();
      if (found.value.status !== "waiting") await ports.endSession(id);
      await ports.clear(id);
      const device = await find(id);
      return revoked || !device.ok ? device : err({ kind: "status", device: device.value, wanted: "notRevoked" });
    },
    async tag(name, tags, who) {
      const wrong = tags.find((tag) => !isTag(tag));
      if (wrong !== undefined) return err({ kind: "tag", tag: wrong });
      const unique = [...new Set(tags)];
      if (unique.length > limits.tagsMax) return err({ kind: "tooManyTags", max: limits.tagsMax });
      const found = await find(name);
      if (!found.ok) return found;
      await database.setTags(found.value.id, unique, { who, atMs: ports.now() });
      await ports.changed(found.value.id);
      return find(found.value.id);
    },
    async report(id, text) {
      if (text.length > limits.reportCharsMax) return false;
      const [before, atMs] = [await database.findDevice(id), ports.now()];
      const falls = before === null ? null : fallOf(before, text, atMs);
      if (falls !== null) await database.setFalls(id, falls);
      return database.setReport(id, { atMs, text });
    },
    presence: (id, presence) => database.setPresence(id, presence, ports.now()),
    publishRevoked,
  };
}

/** Six characters that nobody can choose: who wants to be taken for another device cannot look for a key with its code. */
const newCode = (id: DeviceId): string =>
  base32(createHash("sha256").update(id).update(randomBytes(16)).digest()).slice(0, 6);
