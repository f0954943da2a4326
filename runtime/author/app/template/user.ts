/**
 * Who an image's process is. `User` of an image is `user`, `uid`, `user:group`, `uid:gid`, `uid:group` or `user:gid` (OCI image-spec,
 * config.md), and names are those of the image's own /etc/passwd (passwd(5)) and /etc/group (group(5)).
 */
import { err, ok, type Result } from "../../../result.ts";
import { shown } from "../../../state/index.ts";
import type { TemplateFault } from "./findings.ts";

/** What the image's root has in these files; null: it has no such file. */
export interface Accounts {
  readonly passwd: string | null;
  readonly group: string | null;
}

export interface ImageUser {
  /** The image's text that this is the meaning of. */
  readonly of: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. As runc does it: those that list the user, unless the image names a group itself. */
  readonly groups: readonly number[];
  readonly home?: string;
}

/** No image needs more; a crafted /etc/group shall not fill a configuration. */
const GROUPS_MAX = 256;

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A uid or gid: 0 to 2^32 - 2 (credentials(7)); null for anything else. */
function parseId(text: string): number | null {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= 0xffff_fffe ? id : null;
}

function accountsOf(passwd: string): readonly Account[] {
  return passwd.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = "", , home = ""] = line.trim().split(":");
    const [user, group] = [parseId(uid), parseId(gid)];
    return name === "" || user === null || group === null ? [] : [{ name, uid: user, gid: group, home }];
  });
}

function groupsOf(
  group: string,
): readonly { readonly name: string; readonly gid: number; readonly members: readonly string[] }[] {
  return group.split("\n").flatMap((line) => {
    const [name = "", , gid = "", members = ""] = line.trim().split(":");
    const id = parseId(gid);
    return name === "" || id === null ? [] : [{ name, gid: id, members: members.split(",") }];
  });
}

/** The meaning of an image's `User`, which is not empty. The first account or group that fits counts, as for runc. */
export function resolveUser(user: string, { passwd, group }: Accounts): Result<ImageUser, TemplateFault> {
  const [wantedUser = "", wantedGroup = null] = user.includes(":") ? user.split(/:(.*)/s) : [user, null];
  const fault = (wanted: string): Result<never, TemplateFault> =>
    err({ kind: "user", place: "docker_config.User", found: shown(user), wanted });

  const uid = parseId(wantedUser);
  const account = accountsOf(passwd ?? "").find((one) => one.name === wantedUser || one.uid === uid);
  if (account === undefined && uid === null) return fault("a number, or a name in the image's /etc/passwd");
  const groups = groupsOf(group ?? "");
  const named = wantedGroup === null || wantedGroup === "" ? null : wantedGroup;
  const gid = named === null ? (account?.gid ?? 0) : (groups.find(({ name }) => name === named)?.gid ?? parseId(named));
  if (gid === null) return fault("a group that is a number, or a name in the image's /etc/group");
  const member = account?.name;
  const supplementary =
    named === null && member !== undefined
      ? [...new Set(groups.filter(({ members }) => members.includes(member)).map((one) => one.gid))]
      : [];
  if (supplementary.length > GROUPS_MAX) return fault(`a user in at most ${GROUPS_MAX} groups`);
  const home = account?.home ?? "";
  return ok({
    of: user,
    uid: account?.uid ?? uid ?? 0,
    gid,
    groups: supplementary.filter((one) => one !== gid),
    ...(home === "" ? {} : { home }),
  });
}
