import { ok } from "../../result.ts";
import { type Disk, type DiskResult, makeWithParents } from "../../store/index.ts";

const WHY = "keep the hub's parcels";

/** Makes the folder of parcels, and removes what an earlier end left unfinished. */
export async function prepareFolder(disk: Disk, folder: string): DiskResult<void> {
  const made = await makeWithParents(disk, WHY, folder);
  if (!made.ok) return made;
  const names = await disk.list(WHY, folder);
  if (!names.ok) return names;
  for (const name of names.value.filter((one) => one.endsWith(".tmp"))) {
    const gone = await disk.unlink(WHY, `${folder}/${name}`);
    if (!gone.ok) return gone;
  }
  return ok(undefined);
}
