/** A hub as users run it: a process with a Mosquitto of its own, that can be killed at any moment. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { freePort, Lines } from "../mqtt.ts";

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
  readonly folder = mkdtempSync(join(tmpdir(), "cairn-killed-"));
  /** What all its lives said. */
  readonly log = new Lines();
  private child: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  private known: { readonly operator: string; readonly join: string } | null = null;

  private constructor(
    readonly port: number,
    readonly mqttPort: number,
  ) {}

  /** On ports of its own, and not started. */
  static async make(): Promise<HubProcess> {
    return new HubProcess(await freePort(), await freePort());
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
    const words = ["--folder", this.folder, "--address", "127.0.0.1", "--port", String(this.port), "--fleet", "lab"];
    const child = Bun.spawn(
      [process.execPath, main, "hub", "serve", ...words, "--mqtt-port", String(this.mqttPort), "--json"],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    this.child = child;
    void this.log.follow(child.stderr);
    const { value } = await child.stdout.getReader().read();
    if (value === undefined) return false;
    const { tokens } = v.parse(Started, Buffer.from(value).toString());
    this.known = tokens ?? this.known;
    return true;
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
    rmSync(this.folder, { recursive: true });
  }
}
