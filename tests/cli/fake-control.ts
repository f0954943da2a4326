/** A control server that does what a test says, over real bytes on a Unix socket: it reads HTTP itself and shares no code with ours. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer;
}

export interface Told {
  readonly status: number;
  readonly body?: string | Uint8Array;
  /** What Content-Length says instead of the truth. */
  readonly length?: number;
  /** No Content-Length: the body ends with the connection. */
  readonly untilEnd?: true;
}

/** Null: hang up without a word. `early` is asked when only the head is there; undefined: read the body first. */
export interface Behaviour {
  readonly early?: (asked: Omit<Asked, "body">) => Told | undefined;
  readonly answer: (asked: Asked) => Told | null;
}

export interface FakeControl extends AsyncDisposable {
  readonly socket: string;
  readonly folder: string;
  /** `METHOD path`, in order. */
  readonly asked: string[];
  behave(behaviour: Behaviour): void;
}

export async function fakeControl(first: Behaviour): Promise<FakeControl> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-ctl-"));
  const socket = join(folder, "pv-ctrl");
  const asked: string[] = [];
  let behaviour = first;
  interface Connection {
    received: Buffer[];
    unsent: Buffer;
    answered: boolean;
  }
  const flush = (to: Bun.Socket<Connection>): void => {
    to.data.unsent = to.data.unsent.subarray(Math.max(0, to.write(to.data.unsent)));
    if (to.data.unsent.length === 0) to.end();
  };
  const tell = (to: Bun.Socket<Connection>, told: Told | null): void => {
    to.data.answered = true;
    if (told === null) return void to.terminate();
    const body = Buffer.from(told.body ?? "");
    const length = told.untilEnd ? "" : `Content-Length: ${told.length ?? body.length}\r\n`;
    to.data.unsent = Buffer.concat([Buffer.from(`HTTP/1.1 ${told.status} Some Reason\r\n${length}\r\n`), body]);
    flush(to);
  };
  const server = Bun.listen<Connection>({
    unix: socket,
    socket: {
      open(from) {
        from.data = { received: [], unsent: Buffer.alloc(0), answered: false };
      },
      data(from, bytes) {
        if (from.data.answered) return;
        from.data.received.push(Buffer.from(bytes));
        const head = from.data.received[0]?.toString("latin1") ?? "";
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) throw new Error("the head came in pieces");
        const [, method = "", path = ""] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/.exec(head) ?? [];
        const length = Number(/content-length: (\d+)/i.exec(head.slice(0, end))?.[1] ?? 0);
        const early = behaviour.early?.({ method, path });
        if (early !== undefined) {
          asked.push(`${method} ${path}`);
          return tell(from, early);
        }
        if (from.data.received.reduce((sum, part) => sum + part.length, 0) < end + 4 + length) return;
        const body = Buffer.concat(from.data.received).subarray(end + 4);
        asked.push(`${method} ${path}`);
        tell(from, behaviour.answer({ method, path, body }));
      },
      drain: flush,
      error() {},
    },
  });
  return {
    socket,
    folder,
    asked,
    behave(next) {
      behaviour = next;
    },
    async [Symbol.asyncDispose]() {
      server.stop(true);
      rmSync(folder, { recursive: true });
    },
  };
}

/** A device as far as installing goes: objects are checked, states are kept, and a run follows the given records. */
export function deviceOf({
  objects = [] as string[],
  records = [] as object[],
  before = { status: "NEW", "status-msg": "Update ready to be run" } as object,
} = {}) {
  const stored = new Map<string, Buffer | null>(objects.map((digest) => [digest, null]));
  const states = new Map<string, string>();
  const messages = new Map<string, string>();
  const commands: string[] = [];
  let looks = -1;
  const answer = ({ method, path, body }: Asked): Told | null => {
    const object = /^\/objects\/([0-9a-f]{64})$/.exec(path)?.[1];
    const step = /^\/steps\/(locals\/[^/]+)(\/progress|\/commitmsg)?$/.exec(path);
    if (path === "/objects") {
      return { status: 200, body: JSON.stringify([...stored.keys()].map((sha256) => ({ sha256, size: "1" }))) };
    }
    if (object !== undefined && method === "PUT") {
      const found = new Bun.CryptoHasher("sha256").update(body).digest("hex");
      if (found !== object) return { status: 422, body: '{"Error":"wrong checksum"}' };
      stored.set(object, body);
      return { status: 200 };
    }
    if (step?.[2] === "/commitmsg") {
      messages.set(step[1] ?? "", body.toString());
      return { status: 200 };
    }
    if (step?.[2] === "/progress") {
      if (commands.length === 0) return { status: 200, body: JSON.stringify(before) };
      looks = Math.min(looks + 1, records.length - 1);
      const record = records[looks];
      return record === undefined || record === null ? null : { status: 200, body: JSON.stringify(record) };
    }
    if (step?.[1] !== undefined && method === "PUT") {
      states.set(step[1], body.toString());
      return { status: 200 };
    }
    if (step?.[1] !== undefined) {
      const state = states.get(step[1]);
      return state === undefined ? { status: 404, body: "{}" } : { status: 200, body: state };
    }
    if (path === "/commands") {
      commands.push(body.toString());
      return { status: 200 };
    }
    return { status: 400, body: '{"Error":"unknown"}' };
  };
  return { stored, states, messages, commands, behaviour: { answer } satisfies Behaviour };
}
