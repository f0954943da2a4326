import type { DeviceId } from "../../fleet/terms/index.ts";
import type { Commands } from "../commands/index.ts";
import type { HubDatabase } from "../database/index.ts";
import type { Logs } from "../logs/index.ts";
import type { Metadata } from "../metadata/index.ts";
import type { HubObjects } from "../objects/index.ts";
import type { Parcels } from "../parcels/index.ts";
import type { Registry } from "../registry/index.ts";
import type { Costs, Releases } from "../releases/index.ts";
import type { Revisions } from "../revisions/index.ts";
import type { Answer } from "./answer.ts";
import type { Caller, Right } from "./authorize.ts";

/** What every device is told with its certificate. */
export interface Fleet {
  readonly name: string;
  /** Host and port of the broker, as devices reach it. */
  readonly mqtt: {
    readonly host: string;
    readonly port: number;
    /** PEM: who certifies it, if not the hub's authority. */
    readonly authority?: string;
  };
  /** The authority's certificate in PEM. */
  readonly authority: string;
  /** The Ed25519 key in base64 that signs what the hub wants of devices, and the number of its epoch. */
  readonly order: { readonly epoch: number; readonly key: string };
}

/** What routes are about. */
export interface HubParts {
  readonly registry: Registry;
  readonly revisions: Revisions;
  readonly releases: Releases;
  readonly costs: Costs;
  readonly commands: Commands;
  readonly logs: Logs;
  readonly objects: HubObjects;
  readonly metadata: Pick<Metadata, "view" | "change">;
  readonly parcels: Pick<Parcels, "byKey">;
  readonly database: Pick<HubDatabase, "listDeeds">;
  readonly fleet: Fleet;
  /** A device was told all of that. */
  enrolled(device: DeviceId): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
}

export interface Asked extends HubParts {
  readonly caller: Caller;
  /** A token that came with the request; null: none. */
  readonly token: string | null;
  /** What stands for `:name` in the route's path. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** Whole, within the route's limit; of a route that streams, nothing. */
  readonly body: Uint8Array;
  /** Of a route that streams: what comes, within the route's limit, and as many bytes as the sender said; null: it did not say. */
  readonly stream: { readonly bytes: AsyncIterable<Uint8Array>; readonly sizeBytes: number | null };
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A segment `:name` stands for one segment of any text. */
  readonly path: string;
  readonly right: Right;
  readonly bodyBytesMax: number;
  /** Its body is taken as it comes. */
  readonly streams?: true;
  readonly answer: (asked: Asked) => Promise<Answer>;
}

/** A GET for operators. */
export const look = (path: string, answer: Route["answer"]): Route => ({
  method: "GET",
  path,
  right: "operator",
  bodyBytesMax: 0,
  answer,
});
