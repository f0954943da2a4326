/** Looks into a device from inside: a container that runs commands in process 1's mount and host name namespaces, over a virtio port.
 *  It is part of test revisions only; what it needs of the runtime is that a container starts. */
import type { ContainerSpec } from "./container.ts";
import type { Arch } from "./host.ts";
import type { Transcript } from "./transcript.ts";
import { squashfs } from "./tree.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

// One command a line: "run ID BASE64"; the answer: "done ID CODE BASE64-of-stdout BASE64-of-stderr". Commands share nothing
// but the device, whose own programs come before the ones of this container. The outputs are files of this container's own /run, so that looking changes nothing that is looked at.
const agent = `#!/bin/sh
export PATH=/bin:/sbin HOME=/root
trap 'exit 0' PWR TERM
mkdir -p /run
for name in /sys/class/virtio-ports/*/name; do
	[ "$(cat "$name")" = cairn.probe ] && port=/dev/$(basename "\${name%/name}")
done
exec 3<>"$port"
echo hello >&3
while read -r word id command <&3; do
	[ "$word" = run ] || continue
	printf %s "$command" | base64 -d >/run/command
	PATH=/usr/sbin:/usr/bin:/sbin:/bin:/proc/$$/root/bin nsenter -t 1 -m -u -- /bin/sh -c "$(cat /run/command)" </dev/null >/run/out 2>/run/err 3>&-
	echo "done $id $? $(base64 -w 0 /run/out)- $(base64 -w 0 /run/err)-" >&3
done
`;

/** The container; with the host's devices, process ids and cgroups, its own mounts. */
export async function probeContainer(arch: Arch): Promise<ContainerSpec> {
  return {
    name: "probe",
    root: await squashfs(`probe-${arch}`, {
      arch,
      busybox: true,
      folders: ["dev", "proc", "sys", "run", "tmp", "root", "etc"],
      files: { "/agent": agent },
    }),
    command: ["/agent"],
    args: {
      PV_GROUP: "root",
      PV_ROLES: ["mgmt"],
      // Of its own it would not be allowed to move what lies outside it; liblxc then cannot mount the hierarchy, nor need it.
      PV_LXC_NAMESPACE_KEEP: "user net ipc pid cgroup",
      LXC_MOUNT_AUTO_GROUP: "",
      PV_SECURITY_FULLDEV: "yes",
      PV_DISABLE_AUTODEV: "yes",
    },
  };
}

/** The host's end of the line. */
export class Probe {
  readonly #heard: Transcript;
  readonly #say: (text: string) => void;
  #turn: Promise<unknown>;
  #last = 0;

  constructor(heard: Transcript, say: (text: string) => void) {
    this.#heard = heard;
    this.#say = say;
    this.#turn = heard.next(/^hello$/m);
  }

  /** The device boots anew: what comes next waits for it to speak again. */
  restarted(): void {
    this.#turn = this.#heard.next(/^hello$/m);
  }

  /** Nobody waits any more for what was not answered; what comes next goes to whoever listens. */
  abandoned(): void {
    this.#turn = Promise.resolve();
  }

  /** Runs one command after the ones before it; never settles when the device does not answer. */
  run(command: string): Promise<Outcome> {
    const outcome = this.#turn.then(async () => {
      this.#last += 1;
      this.#say(`run ${this.#last} ${Buffer.from(command).toString("base64")}\n`);
      const [, code, stdout = "", stderr = ""] = await this.#heard.next(
        new RegExp(`^done ${this.#last} (\\d+) (\\S*)- (\\S*)-$`, "m"),
      );
      const text = (base64: string): string => Buffer.from(base64, "base64").toString();
      return { code: Number(code), stdout: text(stdout), stderr: text(stderr) };
    });
    this.#turn = outcome.catch(() => undefined);
    return outcome;
  }
}
