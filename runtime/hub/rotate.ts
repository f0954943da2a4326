import { err, ok, type Result } from "../result.ts";
import type { Disk } from "../store/index.ts";
import { openOrderKey, openOrderKeys } from "./authority/index.ts";
import { type HubFault, withDatabase } from "./serve.ts";

/** Makes the next order key of a hub that is stopped; the value is its epoch. From its next start on the hub hands it to its devices. */
export async function rotateOrderKey(disk: Disk, folder: string, atMs: number): Promise<Result<number, HubFault>> {
  const authority = `${folder}/authority`;
  const rotated = await withDatabase(folder, async ({ orderEpochs }) => {
    const keys = await openOrderKeys(disk, authority);
    if (!keys.ok) return keys;
    const epoch = (keys.value.at(-1) ?? keys.value[0]).epoch + 1;
    await orderEpochs.add(epoch, { who: "hub", atMs }); // first: there is no key without a line in the log
    const key = await openOrderKey(disk, authority, epoch);
    return key.ok ? ok(epoch) : key;
  });
  if (!rotated.ok) return rotated;
  return rotated.value.ok ? ok(rotated.value.value) : err({ kind: "keys", fault: rotated.value.error });
}
