/**
 * A hub that is killed again and again while its fleet reports, authors send, operators release and devices join. What was acknowledged
 * must be there after each start: HTTP by 2xx, MQTT by PUBACK. In the end every device has the order that was decided last.
 *
 * The broker is killed, too. It keeps what it acknowledged in memory for minutes, so a message to the hub may be lost with it; orders may not.
 */
import * as v from "valibot";
import type { Digest } from "../../../runtime/state/index.ts";
import { newRng, type Rng } from "../../sim/rng.ts";
import { shaOf, stateOf } from "../authored.ts";
import { HubProcess } from "./hub-process.ts";
import { Reporter } from "./reporter.ts";

export interface Outcome {
  /** Sentences about what was lost. */
  readonly problems: readonly string[];
  /** What the campaign was about, to see that it was about something. */
  readonly counts: Readonly<Record<"objects" | "revisions" | "releases" | "devices" | "reports", number>>;
}

/** So much is done between two kills, and one comes so long after it. */
const [ACTS_MAX, MOMENT_MS_MAX] = [12, 150];
const START_MS_MAX = 3_000;
const BROKER = 0.15;
const SETTLE_MS = 60_000;
const DEVICES_MAX = 8;
const TAGS = ["a", "b", "c"] as const;

const Missing = v.object({ missing: v.array(v.string()) });
const Revisions = v.object({ revisions: v.array(v.object({ revision: v.string() })) });
const Released = v.object({ number: v.number(), revision: v.string(), tag: v.string() });
const Releases = v.object({ releases: v.array(Released) });
const Shown = v.object({
  status: v.string(),
  tags: v.array(v.string()),
  report: v.nullable(v.object({ state: v.object({ bytes: v.object({ day: v.number() }) }) })),
  desired: v.nullable(
    v.object({
      sequence: v.number(),
      revision: v.string(),
      progress: v.nullable(v.object({ percent: v.number() })),
    }),
  ),
});

/** What was acknowledged. */
class Memory {
  readonly objects = new Set<Digest>();
  readonly revisions = new Set<Digest>();
  readonly releases = new Map<number, { readonly revision: string; readonly tag: string }>();
  readonly tags = new Map<string, string>();
  readonly devices: Reporter[] = [];
}

class Campaign {
  readonly memory = new Memory();
  readonly problems: string[] = [];
  private count = 0;

  constructor(
    readonly hub: HubProcess,
    private readonly rng: Rng,
  ) {}

  private lost(what: string): void {
    this.problems.push(`after kill ${this.count}: ${what}`);
  }

  /** A bit of everything, so that there is something to lose whatever chance brings. */
  async begin(): Promise<void> {
    for (const act of [() => this.join(), () => this.tag(), () => this.send(), () => this.release()]) await act();
  }

  /** What people do, so often or until the hub does not answer any more. */
  async work(times: number): Promise<void> {
    for (let time = 0; time < times; time += 1) {
      const acts = [() => this.send(), () => this.send(), () => this.release(), () => this.join(), () => this.tag()];
      if (!(await this.rng.pick(acts)())) return;
    }
  }

  private async send(): Promise<boolean> {
    const { hub, memory } = this;
    const content = this.rng.bytes(1 + this.rng.below(200_000));
    const config = Buffer.from("lxc.uts.name = web\n");
    for (const bytes of [content, config]) {
      const digest = shaOf(bytes);
      const put = await hub.ask("PUT", `/objects/${digest}`, "operator", bytes);
      if (put === null) return false;
      if (put.status < 300) memory.objects.add(digest);
      else this.lost(`an object is refused with ${put.status}: ${JSON.stringify(put.body)}`);
    }
    const text = stateOf({ "root.squashfs": content });
    const added = await hub.ask("POST", "/revisions?message=x", "operator", text);
    if (added === null) return false;
    if (added.status < 300) memory.revisions.add(shaOf(text));
    else this.lost(`a revision is refused with ${added.status}: ${JSON.stringify(added.body)}`);
    return true;
  }

  private async release(): Promise<boolean> {
    const { hub, memory, rng } = this;
    if (memory.revisions.size === 0) return true;
    const wish = { revision: rng.pick([...memory.revisions]), tag: rng.pick(TAGS) };
    const answer = await hub.ask("POST", "/releases", "operator", JSON.stringify(wish));
    if (answer === null) return false;
    if (answer.status === 201) memory.releases.set(v.parse(Released, answer.body).number, wish);
    else this.lost(`a release is refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
    return true;
  }

  private async join(): Promise<boolean> {
    if (this.memory.devices.length >= DEVICES_MAX) return true;
    const device = await Reporter.enrol(this.hub);
    if (device !== null) this.memory.devices.push(device);
    return device !== null;
  }

  private async tag(): Promise<boolean> {
    const { hub, memory, rng } = this;
    if (memory.devices.length === 0) return true;
    const [{ id }, tag] = [rng.pick(memory.devices), rng.pick(TAGS)];
    memory.tags.delete(id); // either may be, when no answer comes
    const answer = await hub.ask("PUT", `/devices/${id}/tags`, "operator", JSON.stringify({ tags: [tag] }));
    if (answer?.status === 200) memory.tags.set(id, tag);
    return answer !== null;
  }

  /** Whether the hub has all that was acknowledged over HTTP. */
  async look(kills: number): Promise<void> {
    this.count = kills;
    const { hub, memory } = this;
    const asked = await hub.ask(
      "POST",
      "/objects/missing",
      "operator",
      JSON.stringify({ digests: [...memory.objects] }),
    );
    const { missing } = v.parse(Missing, asked?.body);
    for (const digest of missing) this.lost(`object ${digest} is gone`);
    const { revisions } = v.parse(Revisions, (await hub.ask("GET", "/revisions", "operator"))?.body);
    const there = new Set(revisions.map(({ revision }) => revision));
    for (const digest of memory.revisions) if (!there.has(digest)) this.lost(`revision ${digest} is gone`);
    const { releases } = v.parse(Releases, (await hub.ask("GET", "/releases", "operator"))?.body);
    for (const [number, wish] of memory.releases) {
      const found = releases.find((one) => one.number === number);
      if (found?.revision !== wish.revision || found.tag !== wish.tag) this.lost(`release ${number} is gone`);
    }
    for (const { id } of memory.devices) {
      const shown = await this.shown(id);
      const tag = memory.tags.get(id);
      if (shown.status !== "accepted") this.lost(`device ${id} is ${shown.status}`);
      if (tag !== undefined && shown.tags.join() !== tag) this.lost(`device ${id} has lost its tag ${tag}`);
    }
  }

  private async shown(id: string): Promise<v.InferOutput<typeof Shown>> {
    return v.parse(Shown, (await this.hub.ask("GET", `/devices/${id}`, "operator"))?.body);
  }

  /** Nothing is killed any more: all that devices said arrives, and all that was decided reaches them. */
  async settle(): Promise<void> {
    const { memory } = this;
    const { releases } = v.parse(Releases, (await this.hub.ask("GET", "/releases", "operator"))?.body);
    const untilMs = performance.now() + SETTLE_MS;
    for (const device of memory.devices) {
      const { tags } = await this.shown(device.id);
      const wanted = releases.filter(({ tag }) => tags.includes(tag)).toSorted((a, b) => b.number - a.number)[0];
      while ((device.order?.stateDigest ?? null) !== (wanted?.revision ?? device.order?.stateDigest ?? null)) {
        if (performance.now() > untilMs) break;
        await Bun.sleep(50);
      }
      const order = device.order?.stateDigest ?? null;
      if (wanted !== undefined && order !== wanted.revision)
        this.lost(`device ${device.id} is never told of ${wanted.revision}`);
    }
    await this.heard();
  }

  /** Whether all arrives that the broker has acknowledged to devices, which say nothing more. */
  async heard(): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS;
    for (const device of this.memory.devices) {
      for (;;) {
        const { report, desired } = await this.shown(device.id);
        const { state, percent, ofSequence } = device.acknowledged;
        const heard = report?.state.bytes.day ?? 0;
        const known = desired?.sequence === ofSequence ? (desired.progress?.percent ?? -1) : 100;
        if (heard >= state && known >= percent) break;
        if (performance.now() > untilMs) {
          this.lost(
            `device ${device.id} had report ${state} and ${percent} % acknowledged, the hub knows ${heard} and ${known}`,
          );
          break;
        }
        await Bun.sleep(20);
      }
    }
  }

  silence(silent: boolean): void {
    for (const device of this.memory.devices) device.silent = silent;
  }

  /** What a dead broker had acknowledged and not handed on is lost; what devices say after that makes good for it. */
  async sayAgain(): Promise<void> {
    const before = this.memory.devices.map((device) => ({ device, rounds: device.rounds }));
    this.silence(false);
    for (const { device, rounds } of before) while (device.rounds === rounds) await Bun.sleep(20);
  }

  async stop(): Promise<void> {
    await Promise.all(this.memory.devices.map((device) => device.stop()));
  }
}

/** So many kills, of which some hit the broker. */
export async function killed(seed: number, kills: number, say: (line: string) => void = () => {}): Promise<Outcome> {
  const rng = newRng(seed);
  await using hub = await HubProcess.make();
  const campaign = new Campaign(hub, rng.fork("work"));
  const { memory } = campaign;
  const fate = rng.fork("fate");
  if (!(await hub.start())) throw new Error(`the hub does not start:\n${hub.log.all.join("\n")}`);
  await campaign.begin();
  for (let kill = 1; kill <= kills; kill += 1) {
    await campaign.work(fate.below(ACTS_MAX));
    const working = campaign.work(ACTS_MAX);
    await Bun.sleep(fate.below(MOMENT_MS_MAX));
    const broker = fate.chance(BROKER) ? hub.brokerPid : null;
    campaign.silence(true);
    if (broker !== null) process.kill(broker, "SIGKILL"); // and the hub right after it, now and then
    if (broker === null || fate.chance(0.5)) {
      hub.signal("SIGKILL");
      await hub.ended();
      await working;
      if (fate.chance(0.3)) {
        const starting = hub.start();
        await Bun.sleep(fate.below(START_MS_MAX));
        hub.signal("SIGKILL");
        await starting;
        await hub.ended();
      }
      const from = hub.log.all.length;
      if (!(await hub.start()))
        throw new Error(`kill ${kill}: the hub does not start again:\n${hub.log.all.slice(from).join("\n")}`);
    }
    await working;
    await campaign.look(kill);
    if (broker !== null) await campaign.sayAgain();
    campaign.silence(true);
    await campaign.heard();
    campaign.silence(false);
    say(
      `kill ${kill} of ${kills}, ${broker === null ? "the hub" : "the broker"}: ${campaign.problems.length} problems`,
    );
  }
  campaign.silence(true);
  await campaign.settle();
  await campaign.stop();
  const reports = memory.devices.reduce((sum, { acknowledged }) => sum + acknowledged.state, 0);
  return {
    problems: campaign.problems,
    counts: {
      objects: memory.objects.size,
      revisions: memory.revisions.size,
      releases: memory.releases.size,
      devices: memory.devices.length,
      reports,
    },
  };
}
