import * as v from "valibot";
import { type Address, inUrl } from "../../address.ts";
import { quoted } from "../../quoted.ts";
import { err, ok, type Result } from "../../result.ts";
import { parsedBy } from "../parsed-by.ts";
import { explainThrough, viaProxy } from "../proxy/index.ts";
import { type DeviceId, type FleetName, parseDeviceId, parseFleetName } from "../terms/index.ts";

export interface Enquiry extends Address {
  /** Null: there is a direct way. */
  readonly proxy?: Address | null;
  /** PEM: only a server with a certificate of this authority is told anything. */
  readonly authority: string;
  /** Who asks. */
  readonly id: DeviceId;
  /** PKCS #10 in DER. */
  readonly request: Uint8Array;
  /** Null: an operator has to accept the device. */
  readonly token: string | null;
}

/** What a hub answers. */
export type Answer =
  | { readonly kind: "enrolled"; readonly membership: Membership }
  /** An operator has to accept the device; both see the code. */
  | { readonly kind: "waiting"; readonly code: string };

export interface Broker extends Address {
  /** PEM: who certifies it; absent: who certifies the hub. */
  readonly authority?: string | undefined;
}

/** All that a device needs to know to be one of a fleet. */
export interface Membership {
  readonly id: DeviceId;
  readonly fleet: FleetName;
  /** Which hub said so ({@link nameOfHub}): another one does not know the device. Null: an older version did not keep it. */
  readonly hub: string | null;
  /** PEM. */
  readonly certificate: string;
  /** The one after it, with which the device has not been at the broker yet. */
  readonly renewed: string | null;
  readonly broker: Broker;
  /** Ed25519 keys by epoch: who signs what the hub wants. */
  readonly orderKeys: ReadonlyMap<number, Uint8Array>;
}

/** Where it is, and who certifies it. */
export const nameOfHub = (hub: Pick<Enquiry, "host" | "port" | "authority">): string =>
  `${inUrl(hub)} ${new Bun.CryptoHasher("sha256").update(hub.authority).digest("hex")}`;

export type EnrolFault =
  /** The hub's own words: for good, as far as it is concerned, or until somebody changes something there. */
  | { readonly kind: "refused"; readonly status: number; readonly why: string }
  | { readonly kind: "unreachable"; readonly why: string }
  | { readonly kind: "badAnswer"; readonly why: string };

/** What asking costs at most, bytes of IP and up: TLS, the request, and an answer with a certificate. */
export const ENQUIRY_BYTES = 8 * 1024;

const ANSWER_BYTES_MAX = 64 * 1024;
const WITHIN_MS = 60_000;
const ORDER_KEY_BYTES = 32;

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const key = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
  v.check((bytes) => bytes.length === ORDER_KEY_BYTES, "no Ed25519 key"),
);
const pem = v.pipe(v.string(), v.startsWith("-----BEGIN CERTIFICATE-----"));
const Accepted = v.object({
  status: v.literal("accepted"),
  id: parsedBy(parseDeviceId, "id of a device"),
  fleet: parsedBy(parseFleetName, "name of a fleet"),
  certificate: pem,
  mqtt: v.object({ host: v.pipe(v.string(), v.minLength(1), v.maxLength(253)), port, authority: v.optional(pem) }),
  order: v.object({ epoch: v.pipe(v.number(), v.safeInteger(), v.minValue(0)), key }),
});
const Waiting = v.object({ status: v.literal("waiting"), code: v.pipe(v.string(), v.minLength(1), v.maxLength(32)) });
const Said = v.pipe(v.string(), v.parseJson(), v.variant("status", [Accepted, Waiting]));
const Refusal = v.pipe(v.string(), v.parseJson(), v.object({ error: v.string() }));

/** Asks a hub once (`POST /enrol`); asking again gives the same answer until something changes there. */
export async function enrol(enquiry: Enquiry): Promise<Result<Answer, EnrolFault>> {
  const { proxy = null, authority, id, request, token } = enquiry;
  try {
    const response = await fetch(`https://${inUrl(enquiry)}/enrol`, {
      method: "POST",
      body: request,
      headers: {
        "content-type": "application/pkcs10",
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      redirect: "error",
      keepalive: false,
      signal: AbortSignal.timeout(WITHIN_MS),
      tls: { ca: authority, rejectUnauthorized: true },
      ...viaProxy(proxy),
    });
    const text = await bounded(response);
    if (text === null) return err({ kind: "badAnswer", why: `more than ${ANSWER_BYTES_MAX} bytes` });
    return read(id, nameOfHub(enquiry), { status: response.status, text });
  } catch (problem) {
    return err({ kind: "unreachable", why: reasonOf(problem, proxy) });
  }
}

/** Bun's code where there is one: its sentences guess at what a person has typed. */
function reasonOf(problem: unknown, proxy: Address | null): string {
  if (!(problem instanceof Error)) return String(problem);
  const why = "code" in problem && typeof problem.code === "string" ? problem.code : problem.message;
  return proxy === null ? why : explainThrough(proxy, problem, why);
}

async function bounded({ body }: Response): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body ?? []) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function read(
  asked: DeviceId,
  hub: string,
  { status, text }: { readonly status: number; readonly text: string },
): Result<Answer, EnrolFault> {
  if (status >= 400) {
    const refusal = v.safeParse(Refusal, text);
    return err({ kind: "refused", status, why: refusal.success ? refusal.output.error : `status ${status}` });
  }
  const said = v.safeParse(Said, text);
  if (!said.success) return err({ kind: "badAnswer", why: v.summarize(said.issues) });
  const answer = said.output;
  if (answer.status === "waiting") return ok({ kind: "waiting", code: answer.code });
  const { id, fleet, certificate, mqtt, order } = answer;
  if (id !== asked) return err({ kind: "badAnswer", why: `it is for device ${id}` });
  const orderKeys = new Map([[order.epoch, order.key]]);
  return ok({ kind: "enrolled", membership: { id, fleet, hub, certificate, renewed: null, broker: mqtt, orderKeys } });
}

export function explainEnrol(fault: EnrolFault): string {
  switch (fault.kind) {
    case "refused":
      return `the hub refuses this device: ${quoted(fault.why)}`;
    case "unreachable":
      return `the hub cannot be reached: ${fault.why}`;
    case "badAnswer":
      return `the hub's answer is not what this version knows: ${quoted(fault.why)}`;
  }
}
