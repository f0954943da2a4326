import { err, ok, type Result } from "../../result.ts";
import { type Disk, explainDiskError } from "../../store/index.ts";
import { enrol, type Membership, nameOfHub } from "../enrol/index.ts";
import { explainIdentity, openIdentity } from "../identity/index.ts";
import { type KeptOutbox, openOutbox } from "../outbox/index.ts";
import { type FromLink, type Settings, warning } from "../pipe/index.ts";
import { hasEnded } from "../renewal/index.ts";
import { join } from "./join.ts";
import { readMembership, saveMembership } from "./membership.ts";
import { type Meter, openMeter } from "./meter.ts";

export interface MemberPorts {
  readonly disk: Disk;
  tell(message: FromLink): void;
  /** Milliseconds since 1970, never going back. */
  wallMs(): number;
  /** In [0, 1). */
  random(): number;
  /** False: the agent is to end. */
  sleep(ms: number): Promise<boolean>;
}

/** A device that is one of a fleet, and what it keeps for that. */
export interface Member extends Membership {
  /** PEM. */
  readonly key: string;
  /** PKCS #10 in DER: what it asks the hub with. */
  readonly request: Uint8Array;
  readonly meter: Meter;
  readonly outbox: KeptOutbox;
}

/** Opens what is kept in the folder, and asks the hub until the device is one of its fleet; null: the agent is to end. The error is a sentence. */
export async function becomeMember(ports: MemberPorts, settings: Settings): Promise<Result<Member | null, string>> {
  const { disk, tell } = ports;
  const { folder, hub, proxy = null, authority, token } = settings;
  const identity = await openIdentity(disk, folder);
  if (!identity.ok) return err(explainIdentity(identity.error));
  const meter = await openMeter(disk, `${folder}/ledger`, settings.caps, ports.wallMs);
  if (!meter.ok) return err(explainDiskError(meter.error));
  const outbox = await openOutbox(disk, folder);
  if (!outbox.ok) return err(explainDiskError(outbox.error));
  const { id, key, request } = identity.value;
  const member = (membership: Membership): Member => ({
    ...membership,
    key,
    request,
    meter: meter.value,
    outbox: outbox.value,
  });
  const before = await readMembership(disk, folder);
  if (!before.ok) return err(explainDiskError(before.error));
  const warn = (message: string): void => tell(warning(message));
  const save = async (membership: Membership): Promise<void> => {
    const saved = await saveMembership(disk, folder, membership);
    if (!saved.ok) warn(explainDiskError(saved.error)); // next time it asks again, and is answered the same
  };
  const kept = before.value?.id === id ? before.value : null;
  const here = nameOfHub({ ...hub, authority });
  const isHere = kept !== null && (kept.hub === null || kept.hub === here);
  // Who was away for so long that its certificate has ended asks for another one as in the beginning.
  if (isHere && !hasEnded(kept.renewed ?? kept.certificate, ports.wallMs())) {
    if (kept.hub === null) await save({ ...kept, hub: here });
    return ok(member({ ...kept, hub: here }));
  }
  const membership = await join({
    meter: meter.value,
    ask: () => enrol({ ...hub, proxy, authority, id, request, token }),
    random: ports.random,
    sleep: ports.sleep,
    waiting: (code) => tell({ kind: "waiting", id, code }),
    warn,
  });
  if (membership === null) return ok(null);
  await save(membership);
  return ok(member(membership));
}
