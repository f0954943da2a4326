/** What a device says about itself, by `cairn ctl` inside it. */
import * as v from "valibot";
import type { Device, EndReason } from "./machine.ts";

const Containers = v.array(
  v.object({
    name: v.string(),
    group: v.nullable(v.string()),
    status: v.string(),
    status_goal: v.string(),
    pid: v.nullish(v.number()),
    roles: v.array(v.string()),
    auto_recovery: v.optional(v.object({ policy: v.string(), current_retries: v.number(), is_stable: v.string() })),
    user_stopped: v.optional(v.string()),
  }),
);

/** One container as `GET /containers` gives it (reference 8.2); `pid` is that of its first process, as the device sees it. */
export type ContainerStatus = v.InferOutput<typeof Containers>[number];

export async function containers(device: Device): Promise<readonly ContainerStatus[]> {
  return v.parse(Containers, JSON.parse(await device.must("cairn ctl containers ls --json")));
}

/** Asks until `fits` says yes; gives the answer. Throws with the last one when time is over. */
export async function whenContainers(
  device: Device,
  what: string,
  fits: (list: readonly ContainerStatus[]) => boolean,
  withinMs = 60_000,
): Promise<readonly ContainerStatus[]> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const list = await containers(device);
    if (fits(list)) return list;
    if (performance.now() > untilMs)
      throw new Error(`waited for ${what}: not within ${withinMs / 1000} s; containers: ${JSON.stringify(list)}`);
    await Bun.sleep(250); // asking is work for the device, too
  }
}

export const allGoalsReached = (list: readonly ContainerStatus[]): boolean =>
  list.every(({ status, status_goal }) => status === status_goal);

/** Asks the device to switch itself off and waits until it has; gives how the machine ended, "guest-shutdown" if all is well.
 *  The command's own answer is lost when the probe, a container like others, is stopped first. */
export async function powerOff(device: Device, withinMs = 60_000): Promise<EndReason> {
  const refused = device.must("cairn ctl cmd poweroff", withinMs).then(
    () => new Promise<never>(() => {}), // it was accepted: what counts is the end
    (cause: unknown) => {
      if (device.endedWith === null) throw cause;
      return new Promise<never>(() => {});
    },
  );
  return Promise.race([device.end(withinMs), refused]);
}
