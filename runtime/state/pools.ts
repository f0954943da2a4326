import * as v from "valibot";
import { type Findings, place, shown } from "./fault.ts";
import type { Json, NetworkPool } from "./model.ts";
import { membersOf, object } from "./shape.ts";

/** A network interface's name: IFNAMSIZ is 16 with the final NUL (net/if.h), and the kernel refuses ".", "..", "/", ":" and white space. */
const interfaceName = v.pipe(
  v.string(),
  v.check(
    (name) => /^[^\s/:]{1,15}$/.test(name) && name !== "." && name !== "..",
    "an interface name of 1 to 15 characters",
  ),
);
const ipv4 = v.pipe(
  v.string(),
  v.check((address) => v.IPV4_REGEX.test(address), "an IPv4 address"),
);
const cidr = v.pipe(
  v.string(),
  v.check((range) => {
    const [, address, bits] = /^([0-9.]+)\/([0-9]{1,2})$/.exec(range) ?? [];
    return address !== undefined && v.IPV4_REGEX.test(address) && Number(bits) <= 32;
  }, "an IPv4 range such as 10.0.5.0/24"),
);

const PoolShape = object({
  type: v.exactOptional(v.string(), "bridge"),
  bridge: v.exactOptional(interfaceName),
  parent: v.exactOptional(interfaceName),
  subnet: cidr,
  gateway: ipv4,
  nat: v.exactOptional(v.boolean(), false),
});

/** `network.pools` of device.json (reference 1.5). A pool that makes no sense is left out with a warning; the state stays valid. */
export function parsePools(value: Json | undefined, findings: Findings, key: string): readonly NetworkPool[] {
  return membersOf(value, findings, key, "network", "pools").flatMap(([name, item]) => {
    const path = place(key, "network", "pools", name);
    const result = v.safeParse(PoolShape, item, { abortEarly: true });
    if (!result.success) {
      const [issue] = result.issues;
      findings.warn(path, `this pool is left out: ${v.getDotPath(issue) ?? "it"} is ${shown(issue.input)}`);
      return [];
    }
    const { type, bridge = null, parent = null, subnet, gateway, nat } = result.output;
    if (type !== "bridge" && type !== "macvlan") findings.warn(path, `type ${shown(type)} counts as "bridge"`);
    if (type !== "macvlan" && bridge === null) {
      findings.warn(path, "this pool is left out: it names no bridge");
      return [];
    }
    return [{ name, type: type === "macvlan" ? "macvlan" : "bridge", bridge, parent, subnet, gateway, nat }];
  });
}
