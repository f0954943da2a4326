import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";
import { type CommandResult, encodeCommand, topic } from "../../fleet/wire/index.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Device, HubDatabase, KeptCommand } from "../database/index.ts";
import type { OrderSigner } from "../signing/index.ts";
import { argumentProblem, type CommandWish, limits, nextId, stateOf } from "./wish.ts";

export interface CommandsPorts {
  readonly database: Pick<HubDatabase, "commands">;
  readonly fleet: FleetName;
  readonly signer: Pick<OrderSigner, "seal" | "sealAgain">;
  /** Milliseconds since 1970. */
  now(): number;
  /** Not retained. True: the broker has acknowledged it, and forgets it after so many seconds. */
  publish(topic: string, bytes: Uint8Array, expiryS: number): Promise<boolean>;
  log(line: string): void;
}

export type CommandFault =
  | { readonly kind: "argument"; readonly operation: string; readonly wanted: string }
  | { readonly kind: "expiry" }
  | { readonly kind: "status"; readonly device: Pick<Device, "id" | "status"> }
  /** So many are not answered yet. */
  | { readonly kind: "full"; readonly device: DeviceId; readonly open: number };

export interface Commands {
  /** Orders a device to do something; done when it is kept, which is before the device hears of it. `who` goes into the audit log. */
  give(device: Device, wish: CommandWish, who: string): Promise<Result<KeptCommand, CommandFault>>;
  /** The newest first. */
  list(device: DeviceId): Promise<readonly KeptCommand[]>;
  find(device: DeviceId, id: number): Promise<KeptCommand | null>;
  /** What a device says a command came to; false: it was given no such command. */
  result(device: DeviceId, result: CommandResult): Promise<boolean>;
  /** A device reports, and did last at that time; null: never. What a broker had not kept for one that was away so long goes to it again. */
  reported(device: DeviceId, lastMs: number | null): Promise<void>;
  /** Hands to the broker what it has not acknowledged; what it does not take waits for the next call. */
  publish(): Promise<void>;
}

/** Between two steps of the database, as many as brokers leave unacknowledged. */
const AT_ONCE = 16;
const ID_MAX = 0xffff_ffff;

export function openCommands({ database, fleet, signer, now, publish, log }: CommandsPorts): Commands {
  const records = database.commands;

  async function publishNow(): Promise<void> {
    for (;;) {
      const nowMs = now();
      const commands = await records.unpublished(nowMs, AT_ONCE);
      const taken = await Promise.all(
        commands.map(({ device, envelope, epoch, expiryMs }) => {
          const to = { fleet, device, leaf: "n/c" } as const;
          const bytes = signer.sealAgain(to, envelope, epoch);
          return publish(topic(fleet, device, "n/c"), bytes, Math.ceil((expiryMs - nowMs) / 1000));
        }),
      );
      const known = commands.filter((_, at) => taken[at]);
      await records.markPublished(known, now());
      if (commands.length < AT_ONCE || known.length < commands.length) return;
    }
  }

  let publishing = Promise.resolve();
  /** One after the other: none goes out twice because two looked at once. */
  function publishAll(): Promise<void> {
    const act = () => publishNow().catch((thrown) => log(`publish commands: ${String(thrown)}`));
    publishing = publishing.then(act);
    return publishing;
  }

  let giving: Promise<unknown> = Promise.resolve();
  /** One after the other: each knows the number of the one before it. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = giving.then(act, act);
    giving = mine;
    return mine;
  }

  async function give(device: Device, wish: CommandWish, who: string): Promise<Result<KeptCommand, CommandFault>> {
    const { operation, argument } = wish;
    const nowMs = now();
    const wanted = argumentProblem(operation, argument);
    if (wanted !== null) return err({ kind: "argument", operation, wanted });
    const expiryMs = wish.expiryMs ?? nowMs + limits.usualMs;
    if (expiryMs <= nowMs || expiryMs > nowMs + limits.expiryMsMax) return err({ kind: "expiry" });
    if (device.status !== "accepted") return err({ kind: "status", device });
    const open = (await records.list(device.id)).filter((one) => isOpen(one, nowMs)).length;
    if (open >= limits.openMax) return err({ kind: "full", device: device.id, open });

    const id = nextId(await records.lastId(device.id), nowMs);
    if (id > ID_MAX) throw new Error(`device ${device.id} has no numbers left for commands`);
    const payload = encodeCommand({ id, operation, arguments: argument, expiry: Math.ceil(expiryMs / 1000) });
    const envelope = await signer.seal({ fleet, device: device.id, leaf: "n/c" }, payload);
    const by = { who, atMs: nowMs };
    const added = await records.add(
      { device: device.id, id, operation, argument, expiryMs, envelope },
      limits.keptMax,
      by,
    );
    const kept = added ? await records.find(device.id, id) : null;
    return kept === null ? err({ kind: "status", device: { id: device.id, status: "revoked" } }) : ok(kept);
  }

  return {
    async give(device, wish, who) {
      const given = await inTurn(() => give(device, wish, who));
      if (given.ok) void publishAll();
      return given;
    },
    list: (device) => records.list(device),
    find: (device, id) => records.find(device, id),
    result: (device, { id, code, text }) => records.answer(device, id, { code, text, atMs: now() }),
    async reported(device, lastMs) {
      const nowMs = now();
      const isRemembered = lastMs !== null && nowMs - lastMs < limits.sessionMs;
      if (!isRemembered && (await records.unmarkPublished(device, nowMs)) > 0) void publishAll();
    },
    publish: publishAll,
  };
}

function isOpen(command: KeptCommand, nowMs: number): boolean {
  const state = stateOf(command, nowMs);
  return state === "waiting" || state === "sent";
}

export function explainCommand(fault: CommandFault): string {
  switch (fault.kind) {
    case "argument":
      return `${fault.operation} takes ${fault.wanted}`;
    case "expiry":
      return "a command expires within 7 days, and not before it is given";
    case "status":
      return `device ${fault.device.id} is ${fault.device.status}: only one of the fleet can be ordered to do something`;
    case "full":
      return `device ${fault.device} has not answered ${fault.open} commands: wait until it has, or they have expired`;
  }
}
