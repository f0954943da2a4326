/** An idle device rests: nobody asks, nothing happens, so process 1 hardly wakes up and nothing is written. */
import { expect, test } from "bun:test";
import { probeContainer, revision, scriptContainer, testArch, withDevice } from "./index.ts";

const arch = testArch();
const seconds = 60;

const sleeper = "trap 'exit 0' PWR TERM\nwhile :; do sleep 3600 & wait $!; done\n";

// One command that looks twice: in between there is only a shell that sleeps. Threads come and go, so each is named by its id.
const look = `counts() {
	for task in /proc/1/task/*; do
		echo "\${task##*/} $(awk '/ctxt_switches/ { sum += $2 } END { print sum }' $task/status) $(cat $task/comm)"
	done
	awk '{ print "sectors", $7 }' /sys/block/vda/stat
}
counts
echo ---
sleep ${seconds}
counts`;

interface Counts {
  readonly switches: ReadonlyMap<string, number>;
  readonly sectorsWritten: number;
}

function countsOf(text: string): Counts {
  const rows = text
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const sectors = rows.find(([word]) => word === "sectors")?.[1];
  const threads = rows.filter(([word]) => word !== "sectors");
  return {
    switches: new Map(threads.map(([id = "", count, ...name]) => [`${id} ${name.join(" ")}`, Number(count)])),
    sectorsWritten: Number(sectors),
  };
}

test("an idle device: at most 2 context switches of process 1 a second, and not a byte to the storage", async () => {
  const made = await revision({
    arch,
    containers: [await probeContainer(arch), await scriptContainer(arch, "sleeper", sleeper)],
  });
  await withDevice({ name: `idle-${arch}`, arch, revision: made, watchdog: true }, async (device) => {
    // Its last news, half a minute after the start; Bun's collector of garbage looks every second for as long.
    await device.console([/goals reached: .*app reached/, /sleeper is stable/], 120_000);
    await device.must("sync; sleep 15; sync; sleep 6");
    const [before, after] = (await device.must(look, 180_000)).split("---\n").map(countsOf);
    if (before === undefined || after === undefined) throw new Error("the device did not look twice");
    const switches = [...after.switches].map(([id, count]) => [id, count - (before.switches.get(id) ?? 0)] as const);
    const total = switches.reduce((sum, [, count]) => sum + count, 0);
    console.log(
      `${arch}, ${seconds} s: ${total} context switches:`,
      switches.map(([id, count]) => `${id} ${count}`).join(", "),
    );
    expect(after.sectorsWritten - before.sectorsWritten).toBe(0);
    expect(total).toBeGreaterThan(0); // the watchdog is kicked
    expect(total).toBeLessThanOrEqual(2 * seconds);
  });
}, 300_000);
