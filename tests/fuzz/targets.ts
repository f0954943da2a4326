/** Every reader of what strangers send. A new one stands here, and `make fuzz` and the unit tests have it. */
import { imageTargets } from "../author/image/fuzz-targets.ts";
import { authorizedKeysTarget } from "../boot/debug-access/fuzz-target.ts";
import { requestTarget } from "../certificates/fuzz-target.ts";
import { datagramTarget } from "../fleet/datagrams/fuzz-target.ts";
import { logsTarget } from "../fleet/logs/fuzz-target.ts";
import { tunnelTarget } from "../fleet/proxy/fuzz-target.ts";
import { packetSizesTarget } from "../fleet/session/fuzz-target.ts";
import { envelopeTarget, wireTarget } from "../fleet/wire/fuzz-targets.ts";
import { exportTarget } from "../package/fuzz-target.ts";
import { patchTarget } from "../patch/fuzz-target.ts";
import { certificateTarget, headerTarget, jsonTarget, keyTarget, pemTarget } from "../signatures/fuzz-targets.ts";
import { stateTarget } from "../state/fuzz-target.ts";
import type { Target } from "./campaign.ts";

export const targets: readonly Target[] = [
  stateTarget,
  jsonTarget,
  pemTarget,
  certificateTarget,
  keyTarget,
  headerTarget,
  requestTarget,
  exportTarget,
  wireTarget,
  envelopeTarget,
  datagramTarget,
  logsTarget,
  packetSizesTarget,
  tunnelTarget,
  patchTarget,
  authorizedKeysTarget,
  ...imageTargets,
];
