import type { DeviceId } from "../../fleet/terms/index.ts";
import type { By } from "./by.ts";

/** Which of the hub's order keys each device has: the last that it told of, or was told. */
export interface OrderEpochRecords {
  of(device: DeviceId): Promise<number>;
  /**
   * The device has that one. True: it had another, which may have been a newer one if it was brought back from an old copy, and all that was
   * signed for it and not answered is to be published again.
   */
  has(device: DeviceId, epoch: number): Promise<boolean>;
  /** There is a key of that epoch: every device is to get a beacon. */
  add(epoch: number, by: By): Promise<void>;
}
