import { refusal } from "./answer.ts";
import type { Device } from "./device.ts";
import type { Caller, Chunks, ControlResponse } from "./message.ts";

/** What a handler knows of a request. */
export interface Call {
  readonly caller: Caller;
  readonly device: Device;
  /** What stands for `{}` in the route's path, decoded, in order. */
  readonly names: readonly string[];
}

type Handled = ControlResponse | Promise<ControlResponse>;

interface RouteTo {
  readonly method: string;
  /** `{}` stands for one component that is not empty. */
  readonly path: string;
  /** Open to every container; all else wants role mgmt or the host. */
  readonly open?: true;
  /** Carries an object: of those there are only a few at a time, and they may take long. */
  readonly transfer?: true;
}

export type Route = RouteTo &
  (
    | { readonly body: "whole"; readonly bodyBytesMax: number; handle(call: Call, body: Uint8Array): Handled }
    | { readonly body: "stream"; handle(call: Call, sizeBytes: number, chunks: Chunks): Handled }
  );

/** The largest body of a request that has no use for one, as some clients send. */
const UNUSED_BODY_BYTES_MAX = 4096;

export const get = (path: string, handle: (call: Call) => Handled): Route => ({
  method: "GET",
  path,
  body: "whole",
  bodyBytesMax: UNUSED_BODY_BYTES_MAX,
  handle,
});

/** A request without a body that changes something. */
export const act = (method: string, path: string, handle: (call: Call) => Handled): Route => ({
  ...get(path, handle),
  method,
});

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A request whose body is text. */
export const withText = (
  method: string,
  path: string,
  bodyBytesMax: number,
  handle: (call: Call, body: string) => Handled,
): Route => ({
  method,
  path,
  body: "whole",
  bodyBytesMax,
  handle(call, bytes) {
    let body: string;
    try {
      body = utf8.decode(bytes);
    } catch {
      return refusal(400, "Body is not UTF-8 text");
    }
    return handle(call, body);
  },
});

/** The decoded components that stand for `{}`; null when the path is another. */
export function namesIn(route: string, path: string): readonly string[] | null {
  const [wanted, found] = [route.split("/"), path.split("/")];
  if (wanted.length !== found.length) return null;
  const names: string[] = [];
  for (const [at, component] of found.entries()) {
    if (wanted[at] !== "{}") {
      if (wanted[at] !== component) return null;
      continue;
    }
    const name = decoded(component);
    if (name === null) return null;
    names.push(name);
  }
  return names;
}

/** Null: empty, a percent sign without two hexadecimal digits, or not UTF-8. */
function decoded(component: string): string | null {
  try {
    return component === "" ? null : decodeURIComponent(component);
  } catch {
    return null;
  }
}
