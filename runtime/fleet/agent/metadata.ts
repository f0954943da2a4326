import { ok } from "../../result.ts";
import type { DiskResult } from "../../store/index.ts";
import { type DeviceMetaPorts, DeviceMetaReport, openUserMeta, type UserMetaPorts } from "../metadata/index.ts";
import type { FromLink, ToLink } from "../pipe/index.ts";
import type { DeviceState, Topic, UserMeta } from "../wire/index.ts";

export interface LinkMetadataPorts extends DeviceMetaPorts, Omit<UserMetaPorts, "keep"> {
  tell(message: FromLink): void;
  /** What the device says of it in its report is another. */
  changed(): void;
}

/** Metadata between the runtime, which keeps it, and the hub. */
export interface LinkMetadata {
  readonly said: Pick<DeviceState, "userMeta" | "deviceMeta">;
  /** From the runtime. */
  hear(message: Extract<ToLink, { kind: "deviceMeta" | "userMeta" }>): void;
  /** From the hub; done when it is kept. */
  take(at: Topic<"n/u">, envelope: Uint8Array): Promise<void>;
  /** The hub's broker has what was posted. */
  arrived(): Promise<void>;
  leave(): void;
}

const KEEP_WITHIN_MS = 30_000;

export async function openLinkMetadata(ports: LinkMetadataPorts): DiskResult<LinkMetadata> {
  let answered = (_sequence: number, _kept: boolean): void => {};
  function keep({ sequence, set, remove }: UserMeta): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = ports.setTimer(KEEP_WITHIN_MS, () => resolve(false));
    answered = (about, kept) => {
      if (about !== sequence) return;
      stop();
      resolve(kept);
    };
    ports.tell({ kind: "userMeta", sequence, set: [...set], remove: [...remove] });
    return promise;
  }
  const device = await DeviceMetaReport.open(ports);
  if (!device.ok) return device;
  const user = await openUserMeta({ ...ports, keep });
  if (!user.ok) return user;
  return ok({
    get said() {
      return { userMeta: user.value.sequence || null, deviceMeta: device.value.check };
    },
    hear(message) {
      if (message.kind === "deviceMeta") device.value.is(new Map(message.entries));
      else answered(message.sequence, message.kept);
    },
    async take(at, envelope) {
      const taken = await user.value.take(at, envelope);
      if (taken.kind === "ignored") return;
      if (taken.kind === "taken" && taken.tellAll) device.value.tellAll();
      ports.changed();
    },
    arrived: () => device.value.arrived(),
    leave: () => device.value.leave(),
  });
}
