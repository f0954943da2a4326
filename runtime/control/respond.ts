import { refusal, short } from "./answer.ts";
import { commandRoutes } from "./commands.ts";
import { containerRoutes } from "./containers.ts";
import type { Device } from "./device.ts";
import { informationRoutes } from "./information.ts";
import type { Caller, Chunks, ControlRequest, ControlResponse, RequestHead } from "./message.ts";
import { metadataRoutes } from "./metadata.ts";
import { objectRoutes } from "./objects.ts";
import { namesIn, type Route } from "./route.ts";
import { stepRoutes } from "./steps.ts";

/** The first path that fits decides. */
const routes: readonly Route[] = [
  ...containerRoutes,
  ...stepRoutes,
  ...objectRoutes,
  ...metadataRoutes,
  ...commandRoutes,
  ...informationRoutes,
];

/** What a request may go on with after its head. */
export type Admission =
  | { readonly kind: "refused"; readonly response: ControlResponse }
  | {
      readonly kind: "whole";
      readonly bodyBytesMax: number;
      readonly transfer: boolean;
      answer(device: Device, body: Uint8Array): Promise<ControlResponse>;
    }
  | { readonly kind: "stream"; answer(device: Device, sizeBytes: number, chunks: Chunks): Promise<ControlResponse> };

const refused = (status: number, why: string): Admission => ({ kind: "refused", response: refusal(status, why) });

const mayManage = (caller: Caller): boolean => caller.kind === "host" || caller.roles.includes("mgmt");

/**
 * Finds the endpoint of a request (reference section 8) and looks at who asks, before anything of the body is read. Refusals have the
 * original's codes, and its words where the reference gives them.
 */
export function admit(caller: Caller, { method, target }: RequestHead): Admission {
  const path = target.replace(/[?#].*$/s, "");
  const fitting = routes.flatMap((route) => {
    const names = namesIn(route.path, path);
    return names === null ? [] : [{ route, names }];
  });
  const [first] = fitting;
  if (first === undefined) return refused(400, `unknown endpoint: ${short(path)}`);
  const hit = fitting.find(({ route }) => route.path === first.route.path && route.method === method);
  if (hit === undefined) return refused(400, "Method not supported for this endpoint");
  const { route, names } = hit;
  if (route.open !== true && !mayManage(caller)) return refused(403, "Request not sent from a mgmt platform");
  if (route.body === "stream") {
    return {
      kind: "stream",
      answer: async (device, sizeBytes, chunks) => route.handle({ caller, device, names }, sizeBytes, chunks),
    };
  }
  return {
    kind: "whole",
    bodyBytesMax: route.bodyBytesMax,
    transfer: route.transfer === true,
    answer: async (device, body) => route.handle({ caller, device, names }, body),
  };
}

export const tooLarge = (bytesMax: number): ControlResponse => refusal(413, `Request is larger than ${bytesMax} bytes`);

/** Answers a request that is here whole. Never throws for anything a caller can send. */
export async function respond(caller: Caller, request: ControlRequest, device: Device): Promise<ControlResponse> {
  const body = typeof request.body === "string" ? new TextEncoder().encode(request.body) : request.body;
  const admission = admit(caller, request);
  switch (admission.kind) {
    case "refused":
      return admission.response;
    case "whole":
      if (body.byteLength > admission.bodyBytesMax) return tooLarge(admission.bodyBytesMax);
      return admission.answer(device, body);
    case "stream":
      return admission.answer(
        device,
        body.byteLength,
        (async function* () {
          yield body;
        })(),
      );
  }
}
