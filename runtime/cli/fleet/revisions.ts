import { command, EXIT_USAGE, flag, operand } from "../command.ts";
import { call } from "./call.ts";
import { exits } from "./exits.ts";

export const revision = operand.needed("the first digits of the revision, 4 at least");

export const revisionsCommand = command("revisions", {
  summary: "List the revisions that authors sent, the newest first",
  example: "cairn fleet revisions",
  flags: { json: flag.switch("one JSON object a line") },
  operands: {},
  exits,
  async run({ json }, out) {
    const { Revisions, revisionsTable } = await import("./revision.ts");
    return call({ method: "GET", path: "/revisions" }, Revisions, out, ({ revisions }) => {
      if (!json) out.print(revisionsTable(revisions));
      else for (const one of revisions) out.print(JSON.stringify(one));
    });
  },
});

export const discardCommand = command("discard", {
  summary: "Remove a revision that no device is to run; objects of it alone go with the hub's next clearing up",
  example: "cairn fleet discard 3f9a1c",
  flags: { json: flag.switch("the revision as one JSON object") },
  operands: { revision },
  exits,
  async run({ revision: name, json }, out) {
    const { Revision } = await import("./revision.ts");
    return call({ method: "DELETE", path: `/revisions/${encodeURIComponent(name)}` }, Revision, out, (gone) =>
      out.print(json ? JSON.stringify(gone) : `revision ${gone.revision} is gone`),
    );
  },
});

export const releaseCommand = command("release", {
  summary: "Have the devices with a tag run a revision",
  example: "cairn fleet release 3f9a1c --tag canary",
  flags: {
    tag: flag.text("whose devices are meant; every device has the tag all"),
    security: flag.switch("it must arrive: it may take twice the caps on bytes"),
    https: flag.switch("large patches may be fetched over HTTPS"),
    whole: flag.switch("where a patch turns out to be wrong, the whole object may come, whatever it costs"),
    expires: flag.text(
      "when it is offered no more: a time like 2026-12-01T00:00:00Z, or from now on like 90m, 12h, 7d",
    ),
    json: flag.switch("the release as one JSON object"),
  },
  operands: { revision },
  exits,
  async run({ revision: name, tag, security, https, whole, expires, json }, out) {
    const { Release, releaseText } = await import("./revision.ts");
    const end = expires === null ? null : endOf(expires, Date.now());
    if (tag === null || end === "wrong") {
      out.complain(`cairn fleet release: ${tag === null ? "wanted --tag" : `--expires "${expires}" is no time`}`);
      return EXIT_USAGE;
    }
    const body = { revision: name, tag, policy: { security, https, whole }, expires: end };
    return call({ method: "POST", path: "/releases", body }, Release, out, (release) =>
      out.print(json ? JSON.stringify(release) : releaseText(release)),
    );
  },
});

export const releasesCommand = command("releases", {
  summary: "List the releases, the newest first, and how many devices have come how far",
  example: "cairn fleet releases",
  flags: { json: flag.switch("one JSON object a line") },
  operands: {},
  exits,
  async run({ json }, out) {
    const { Releases, releasesTable } = await import("./revision.ts");
    return call({ method: "GET", path: "/releases" }, Releases, out, ({ releases }) => {
      if (!json) out.print(releasesTable(releases));
      else for (const one of releases) out.print(JSON.stringify(one));
    });
  },
});

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** As RFC 3339 has it. */
export function endOf(text: string, nowMs: number): string | "wrong" {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(nowMs + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]).toISOString();
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : null;
  return time === null || Number.isNaN(time.getTime()) ? "wrong" : time.toISOString();
}
