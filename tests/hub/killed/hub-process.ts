/** A hub as users run it: a process with a Mosquitto of its own, that can be killed at any moment. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { freePort } from "../../free-port.ts";
import { Lines } from "../mqtt.ts";

const main = join(import.meta.dir, "../../../runtime/main.ts");
const Started = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ url: v.string(), tokens: v.nullable(v.object({ operator: v.string(), join: v.string() })) }),
);

export interface Answered {
  readonly status: number;
  readonly body: unknown;
}

export class HubProcess implements AsyncDisposable {
  private readonly own = mkdtempSync(join(tmpdir(), "cairn-killed-"));
  /** What all its lives said. */
  readonly log = new Lines();
  private child: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  private known: { readonly operator: string; readonly join: string } | null = null;

  private constructor(
    readonly port: number,
    readonly mqttPort: number,
    private readonly diskBytes: number | null,
  ) {}

  /** On ports of its own, and not started. With a disk of so many bytes, which lasts as long as the process; null: that of this machine. */
  static async make(diskBytes: number | null = null): Promise<HubProcess> {
    return new HubProcess(await freePort(), await freePort(), diskBytes);
  }

  /** Where the hub keeps what it keeps; its own disk is seen from here by way of its process. */
  get folder(): string {
    return this.diskBytes === null ? this.own : `/proc/${this.child?.pid}/root${this.own}`;
  }

  get tokens(): { readonly operator: string; readonly join: string } {
    if (this.known === null) throw new Error("the hub has not started yet");
    return this.known;
  }

  /** PEM. */
  get authority(): string {
    return readFileSync(join(this.folder, "authority/authority.crt"), "utf8");
  }

  /** Resolves when it serves; false: it ended before that, as when it was killed. */
  async start(): Promise<boolean> {
    const where = ["--folder", this.own, "--address", "127.0.0.1", "--port", String(this.port)];
    const words = [...where, "--mqtt-port", String(this.mqttPort), "--fleet", "lab", "--json"];
    const child = Bun.spawn([...this.onItsDisk(), process.execPath, main, "hub", "serve", ...words], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.child = child;
    void this.log.follow(child.stderr);
    const { value } = await child.stdout.getReader().read();
    if (value === undefined) return false;
    const { tokens } = v.parse(Started, Buffer.from(value).toString());
    this.known = tokens ?? this.known;
    return true;
  }

  /** Words before a command that give it a disk of its own, without anybody's leave. */
  private onItsDisk(): readonly string[] {
    if (this.diskBytes === null) return [];
    const script = `mount -t tmpfs -o size=${this.diskBytes},mode=700 tmpfs ${this.own} && exec "$@"`;
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
  }

  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.child?.kill(name);
  }

  /** Its end, however it came. */
  async ended(): Promise<void> {
    await this.child?.exited;
  }

  /** Process id of its Mosquitto; null: there is none right now. */
  get brokerPid(): number | null {
    const pid = this.child?.pid;
    if (pid === undefined) return null;
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
      const named = children.filter((one) => one !== "" && readFileSync(`/proc/${one}/comm`, "utf8") === "mosquitto\n");
      return named[0] === undefined ? null : Number(named[0]);
    } catch {
      return null; // it has just ended
    }
  }

  /** Null: no answer came, and nobody knows what became of it. */
  async ask(
    method: string,
    path: string,
    token: "operator" | "join",
    body?: string | Uint8Array,
  ): Promise<Answered | null> {
    try {
      const response = await fetch(`https://127.0.0.1:${this.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.tokens[token]}` },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : Buffer.from(body) }),
        tls: { ca: this.authority },
        keepalive: false,
        signal: AbortSignal.timeout(30_000),
      });
      return { status: response.status, body: JSON.parse(await response.text()) };
    } catch {
      return null;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGCONT");
    this.child?.kill("SIGTERM");
    await this.ended();
    rmSync(this.own, { recursive: true });
  }
}
