import { expect, test } from "bun:test";
import { join } from "node:path";
import { inNamespace, privileged } from "../../linux/on-host.ts";

if (privileged) {
  test("a key lets in, nothing else does, and the end of the time ends the sessions", async () => {
    const { output } = await inNamespace(join(import.meta.dir, "real-server.ts"));
    const denied = { code: 255, out: "", err: expect.stringContaining("Permission denied (publickey)") };
    const failed = (why: string) => ({ ok: false, error: { kind: "failed", why: expect.stringContaining(why) } });
    expect(JSON.parse(output)).toEqual({
      withoutKeys: { ok: false, error: { kind: "refused", why: "no key is known that could log in: write one" } },
      listens: true,
      inside: ["/root", expect.stringContaining("cairn-debug-check-"), "token"],
      tellsItsHostKey: true,
      keptForRootAlone: expect.stringMatching(/^\S+\/kept\/dropbear_ed25519_host_key$/),
      wrongKey: denied,
      password: denied,
      forwarding: { code: 255, out: "", err: "stdio forwarding failed" },
      takenOff: denied,
      putOn: "in",
      sessionGoesOn: null,
      beforeTheEnd: [true, "until 1970-01-01T00:01:00Z"],
      sessionEnds: 255,
      left: { listens: false, processes: [], cgroup: false, home: false, view: null },
      sameHostKey: true,
      portTaken: failed("the SSH server ended with 1"),
      damagedHostKey: failed("is made anew once it is removed"),
      noServer: { ok: false, error: { kind: "refused", why: expect.stringContaining("no SSH server") } },
      said: expect.arrayContaining([expect.stringContaining("Pubkey auth succeeded for 'root'")]),
    });
  }, 120_000);
}
