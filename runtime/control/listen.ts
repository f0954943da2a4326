import type { Result } from "../result.ts";
import type { Device } from "./device.ts";
import type { Caller } from "./message.ts";

export interface ListenOptions {
  /** Where the socket appears; its folder must exist. A socket left there by an earlier run is replaced. */
  readonly path: string;
  readonly caller: Caller;
  readonly device: Device;
}

export interface Listener {
  readonly path: string;
  /** Takes the socket away and drops every connection. */
  close(): void;
}

export type ListenError = { readonly kind: "listen"; readonly path: string; readonly why: string };

export declare function explainListenError(error: ListenError): string;
export declare function listen(options: ListenOptions): Result<Listener, ListenError>;
