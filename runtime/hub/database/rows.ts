/** What the columns of several tables hold. */
import * as v from "valibot";
import { type DeviceId, parseDeviceId } from "../../fleet/terms/index.ts";
import { type Digest, parseDigest } from "../../state/index.ts";

export const Bytes = v.instance(Uint8Array);
export const Id = v.custom<DeviceId>((id) => typeof id === "string" && parseDeviceId(id) !== null);
export const Sha = v.custom<Digest>((text) => typeof text === "string" && parseDigest(text) !== null);

/** In SQL, of a row with `device`: it has the order key of `$epoch`. */
export const HAS_KEY = "$epoch = (SELECT orderEpoch FROM device AS its WHERE its.id = device)";
