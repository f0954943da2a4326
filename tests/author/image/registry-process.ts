/** Debian's docker-registry on a port of its own; with a login it speaks TLS. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../free-port.ts";
import { sh } from "./sample-image.ts";

export interface RegistryProcess extends AsyncDisposable {
  readonly host: string;
  /** PEM of who signed its certificate. */
  readonly ca: string;
  /** A folder for skopeo's --dest-cert-dir. */
  readonly certificates: string;
}

export async function docker(
  top: string,
  login: { user: string; password: string } | null = null,
): Promise<RegistryProcess> {
  const at = mkdtempSync(join(top, "registry-"));
  const host = `127.0.0.1:${await freePort()}`;
  let [secure, ca] = ["", ""];
  if (login !== null) {
    sh(
      `cd "$1" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=test-ca
       openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out req.pem -subj /CN=registry
       printf 'subjectAltName=IP:127.0.0.1' > ext
       openssl x509 -req -in req.pem -CA ca.crt -CAkey ca.key -CAcreateserial -extfile ext -days 2 -out cert.pem && mkdir trusted && cp ca.crt trusted`,
      at,
    );
    writeFileSync(
      join(at, "htpasswd"),
      `${login.user}:${await Bun.password.hash(login.password, { algorithm: "bcrypt", cost: 4 })}\n`,
    );
    secure = `  tls: { certificate: ${at}/cert.pem, key: ${at}/key.pem }\nauth:\n  htpasswd: { realm: test, path: ${at}/htpasswd }\n`;
    ca = readFileSync(join(at, "ca.crt"), "utf8");
  }
  const config = join(at, "config.yml");
  writeFileSync(
    config,
    `version: 0.1\nstorage:\n  filesystem: { rootdirectory: ${at}/store }\nhttp:\n  addr: ${host}\n${secure}`,
  );
  const child = Bun.spawn(["docker-registry", "serve", config], {
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const ended = async (): Promise<void> => {
    child.kill();
    await child.exited;
  };
  let said = "";
  const reader = child.stderr.getReader();
  while (!said.includes("listening on")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`docker-registry does not start: ${said}`);
    said += Buffer.from(value).toString();
  }
  const drain = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    host,
    ca,
    certificates: join(at, "trusted"),
    async [Symbol.asyncDispose]() {
      await ended();
      await drain;
    },
  };
}
