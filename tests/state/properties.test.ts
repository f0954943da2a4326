import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonical, canonicalText, explainState, type Json, parseState } from "../../runtime/state/index.ts";
import { rebuilt } from "./rebuild.ts";
import { container, DIGEST, everything, type Members, SPEC, state, vectors } from "./samples.ts";

const GROUPS = ["data", "net", "app"];
const name = fc.stringMatching(/^[a-z][a-z0-9._-]{0,11}$/).filter((text) => text !== "bsp" && !text.endsWith(".json"));
const fileName = fc
  .string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(..."ab.-_ é\\ß😀\"'") })
  .filter((text) => text !== "." && text !== "..");
const maybe = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((any) => (any === undefined ? {} : { [key]: any as Json }));
const together = (...parts: readonly fc.Arbitrary<Members>[]): fc.Arbitrary<Members> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all));

const recovery = together(
  fc.constantFrom("no", "always", "on-failure", "unless-stopped").map((policy) => ({ policy })),
  maybe("max_retries", fc.nat(10)),
  maybe("retry_delay", fc.nat(100)),
  maybe("backoff_factor", fc.constantFrom(1, 1.5, 2)),
  maybe("backoff_policy", fc.constantFrom("reboot", "never", "30s", "5min")),
);
const storage = fc
  .array(fc.tuple(fileName, fc.constantFrom("permanent", "revision", "boot")), { maxLength: 4 })
  .map((items): Members => Object.fromEntries(items.map(([key, persistence]) => [`v-${key}`, { persistence }])));
const run = together(
  maybe("group", fc.constantFrom(...GROUPS)),
  maybe("status_goal", fc.constantFrom("MOUNTED", "STARTED", "READY")),
  maybe("restart_policy", fc.constantFrom("system", "container")),
  maybe("roles", fc.subarray(["mgmt", "nobody"])),
  maybe("auto_recovery", recovery),
  maybe("storage", storage),
  maybe("dev-log", fc.boolean()),
  maybe("from-the-future", fc.jsonValue({ maxDepth: 2 }).filter(plain).map(asWritten)),
);

/** JSON has no -0: it is written as 0, and read as that. */
function asWritten(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** A number as large as fast-check likes is refused; that is tested elsewhere. */
function plain(value: unknown): boolean {
  return [...JSON.stringify(value).matchAll(/-?[0-9.]+(?:e[+-]?[0-9]+)?/gi)].every(([text]) => {
    return text.length < 16 && Math.abs(Number(text)) < 2 ** 52;
  });
}

/** A valid state: what was put in, and its text in some order and some white space. */
const validState = fc
  .record({
    containers: fc.uniqueArray(fc.tuple(name, run), { maxLength: 5, selector: ([key]) => key }),
    config: fc.uniqueArray(fileName, { maxLength: 4 }),
    indent: fc.constantFrom(0, 2, "\t"),
    shuffle: fc.infiniteStream(fc.nat()),
  })
  .map(({ containers, config, indent, shuffle }) => {
    const members: Members = {
      "#spec": SPEC,
      "groups.json": GROUPS.map((group) => ({ name: group })),
      ...Object.assign({}, ...containers.map(([key, extra]) => container(key, extra))),
      ...Object.fromEntries(config.map((file) => [`_config/any/${file}`, DIGEST])),
    };
    const order = Object.entries(members)
      .map((member) => ({ member, rank: shuffle.next().value }))
      .toSorted((a, b) => a.rank - b.rank);
    const text = JSON.stringify(Object.fromEntries(order.map(({ member }) => member)), null, indent);
    return { containers: new Map(containers), members, text };
  });

test("a valid state is read as it was meant, in any order and any white space", () => {
  fc.assert(
    fc.property(validState, ({ containers, members, text }) => {
      const result = parseState(text);
      if (!result.ok) throw new Error(explainState(result.error));
      const parsed = result.value;
      expect(parsed.entries.map(({ key }) => key).sort()).toEqual(Object.keys(members).sort());
      expect(parsed.containers.map((each) => String(each.name)).sort()).toEqual([...containers.keys()].sort());
      for (const each of parsed.containers) {
        const wanted = containers.get(each.name);
        expect(each.group).toBe(String(wanted?.["group"] ?? "app"));
        expect(each.statusGoal as Json).toBe(wanted?.["status_goal"] ?? "STARTED");
        expect(each.restartPolicy as Json).toBe(wanted?.["restart_policy"] ?? "container");
        expect(each.roles.toSorted()).toEqual([...((wanted?.["roles"] ?? []) as string[])].sort() as never);
        expect(each.storage.map((volume) => volume.name).sort()).toEqual(Object.keys(wanted?.["storage"] ?? {}).sort());
      }
    }),
  );
});

test("the slices of a valid state are its document", () => {
  fc.assert(
    fc.property(validState, ({ members, text }) => {
      const result = parseState(text);
      if (!result.ok) throw new Error(explainState(result.error));
      expect(rebuilt(result.value)).toBe(text);
      for (const { key, keySlice, slice } of result.value.entries) {
        expect(JSON.parse(text.slice(keySlice.start, keySlice.end))).toBe(key);
        expect(JSON.parse(text.slice(slice.start, slice.end))).toEqual(members[key]);
      }
    }),
  );
});

test("the canonical text of a valid state is a valid state, and its own canonical text", () => {
  fc.assert(
    fc.property(validState, ({ text, members }) => {
      const once = canonicalText(text);
      if (!once.ok) throw new Error(JSON.stringify(once.error));
      expect(once.value).toBe(canonical(members));
      const [twice, again] = [canonicalText(once.value), parseState(once.value)];
      expect(twice.ok && twice.value).toBe(once.value);
      expect(again.ok && rebuilt(again.value)).toBe(once.value);
    }),
  );
});

/** Whatever the source, the answer is a state or a sentence. */
function answers(source: string | Uint8Array): void {
  const result = parseState(source);
  if (result.ok) expect(result.value.text.length).toBeGreaterThan(0);
  else expect(explainState(result.error).length).toBeGreaterThan(20);
}

test("any text and any bytes are answered without an exception", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.uint8Array({ maxLength: 200 })), answers),
  );
});

test("any value in any place of a state is answered without an exception", () => {
  const keys = [...Object.keys(everything), "groups.json", "disks.json", "disks_v3.json", "#spec"];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) =>
      answers(state({ ...everything, [key]: value as Json })),
    ),
    { numRuns: 1000 },
  );
});

test("any value for any member of a run.json or device.json is answered without an exception", () => {
  const files = ["web/run.json", "device.json", "bsp/run.json", "web/services.json"];
  const members = files.flatMap((file) =>
    Object.keys(everything[file] as object).map((member) => [file, member] as const),
  );
  fc.assert(
    fc.property(fc.constantFrom(...members), fc.jsonValue(), ([file, member], value) =>
      answers(state({ ...everything, [file]: { ...(everything[file] as Members), [member]: value as Json } })),
    ),
    { numRuns: 1000 },
  );
});

test("a real state with any stretch of it replaced is answered without an exception", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...vectors().values()),
      fc.nat(),
      fc.nat(20),
      fc.string(),
      (text, start, length, other) => {
        const at = start % text.length;
        answers(text.slice(0, at) + other + text.slice(at + length));
      },
    ),
    { numRuns: 1000 },
  );
});
