import type { Device } from "./device.ts";
import type { Caller, ControlRequest, ControlResponse } from "./message.ts";

export declare function respond(caller: Caller, request: ControlRequest, device: Device): ControlResponse;
