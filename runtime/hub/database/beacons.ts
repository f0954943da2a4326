import type { DeviceId } from "../../fleet/terms/index.ts";

export interface DueBeacon {
  readonly device: DeviceId;
  /** The time in the last one, in seconds since 1970; 0: there was none. */
  readonly lastS: number;
  /** Of the order key that the device has. */
  readonly epoch: number;
  /** Of this wish: one that comes meanwhile is not fulfilled with it. */
  readonly wish: number;
}

/** Which devices are to get a beacon. Each that is accepted gets one. */
export interface BeaconRecords {
  /** So many at most. */
  due(max: number): Promise<readonly DueBeacon[]>;
  /** The broker has it. */
  given(beacon: DueBeacon, timeS: number): Promise<void>;
  /** The time in a device's last one, in seconds since 1970; 0: there was none. */
  lastS(device: DeviceId): Promise<number>;
  /** A device, or all of them, is to get another one. */
  want(device: DeviceId | null): Promise<void>;
}
