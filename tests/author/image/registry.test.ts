/** Registries that misbehave: nothing wrong gets in, what passes is waited for, what does not is said. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readChallenge } from "../../../runtime/author/image/registry/challenge.ts";
import { type Answerer, type FakeImage, fakeRegistry, imageOf, sha } from "./fake-registry.ts";
import { file } from "./layers.ts";
import { faultOfSource, openedAs, optionsIn, unpackedByUs } from "./opened.ts";

setDefaultTimeout(30_000);
const top = mkdtempSync(join(tmpdir(), "registry-test-"));
afterAll(() => rmSync(top, { recursive: true }));

const image = imageOf(file("etc/a", "a".repeat(300_000)));
const isLayer = (path: string): boolean => path.endsWith(image.layerDigest);
const fresh = (more: Parameters<typeof optionsIn>[1] = {}) =>
  optionsIn(top, { cacheFolder: mkdtempSync(join(top, "cache-")), ...more });

/** Pulls from a registry with that oddity: the fault or null, and what was asked. */
async function pulled(odd: Answerer, options = fresh(), what: FakeImage = image) {
  using registry = fakeRegistry(what, odd);
  const fault = await faultOfSource(`docker://${registry.host}/app:1`, options);
  return { fault, asked: registry.asked.filter((line) => !line.startsWith("/v2/ ") && line !== "/v2/"), options };
}

/** An answer that breaks off. */
const cutAfter = (bytes: Uint8Array, length: number, headers: Record<string, string> = {}, status = 200): Response =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.slice(0, length));
        controller.close();
      },
    }),
    { status, headers },
  );

test("an image comes in three requests, and its layers are not asked for twice", async () => {
  const { fault, asked, options } = await pulled(() => null);
  expect(fault).toBeNull();
  expect(asked.length).toBe(3);
  const again = await pulled(() => null, options);
  expect(again.fault).toBeNull();
  expect(again.asked).toEqual(["/v2/app/manifests/1"]);
});

test("a damaged blob in the cache is thrown away and fetched again", async () => {
  const { options } = await pulled(() => null);
  const path = join(options.cacheFolder, image.layerDigest);
  const good = readFileSync(path);
  for (const bad of [good.map((byte, at) => (at === 1000 ? byte ^ 1 : byte)), good.subarray(0, 700), Buffer.alloc(0)]) {
    writeFileSync(path, bad);
    const { fault, asked } = await pulled(() => null, options);
    expect(fault).toBeNull();
    expect(asked.some(isLayer)).toBe(true);
    expect(readFileSync(path).equals(good)).toBe(true);
  }
});

test("a blob with wrong bytes, too few or too many never gets into the cache", async () => {
  const wrong = image.layer.map((byte, at) => (at === 1000 ? byte ^ 1 : byte));
  for (const [bytes, kind] of [
    [wrong, "digest"],
    [Buffer.concat([image.layer, Buffer.alloc(10)]), "length"],
  ] as const) {
    const { fault, options } = await pulled((_, path) => (isLayer(path) ? new Response(bytes) : null));
    expect(fault).toMatchObject({ kind });
    expect(readdirSync(options.cacheFolder)).toEqual([sha(image.config)]);
  }
});

test("a manifest that is not what its digest says is refused, whatever says it", async () => {
  using registry = fakeRegistry(image);
  const pinned = `docker://${registry.host}/app:1@sha256:${"1".repeat(64)}`;
  expect(await faultOfSource(pinned, fresh())).toMatchObject({ kind: "digest", found: image.digest });
  const { fault } = await pulled((_, path) =>
    path.includes("/manifests/")
      ? new Response(image.manifest, { headers: { "docker-content-digest": `sha256:${"2".repeat(64)}` } })
      : null,
  );
  expect(fault).toMatchObject({ kind: "digest", found: image.digest });
});

test("an answer that breaks off goes on where it was, by range or from the beginning", async () => {
  for (const ranges of [true, false]) {
    let times = 0;
    const { fault, asked } = await pulled((request, path) => {
      if (!isLayer(path)) return null;
      times++;
      const from = ranges ? Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0) : 0;
      const rest = image.layer.subarray(from);
      const headers = { "content-range": `bytes ${from}-${image.layer.length - 1}/${image.layer.length}` };
      const length = ranges ? 100_000 : 100_000 * times;
      return from > 0 ? cutAfter(rest, length, headers, 206) : cutAfter(rest, length);
    });
    expect(fault).toBeNull();
    expect(asked.filter((line) => line.includes(image.layerDigest)).map((line) => line.split(" ")[1] ?? "")).toEqual(
      ["", "bytes=100000-", "bytes=200000-", "bytes=300000-"].slice(0, Math.ceil(image.layer.length / 100_000)),
    );
  }
});

test("a part other than the one asked for is not taken for it", async () => {
  const { fault } = await pulled((request, path) => {
    if (!isLayer(path)) return null;
    if (request.headers.get("range") === null) return cutAfter(image.layer, 1000);
    return new Response(image.layer.subarray(2000), { status: 206, headers: { "content-range": "bytes 2000-" } });
  });
  expect(fault?.kind).toBe("digest");
});

test("a registry that ends each answer at once is given up, and one that is busy is waited for", async () => {
  const { fault, asked } = await pulled((_, path) => (isLayer(path) ? cutAfter(image.layer, 0) : null));
  expect(fault).toMatchObject({ kind: "network", detail: expect.stringContaining("it ended after 0 of") });
  expect(asked.filter((line) => line.includes(image.layerDigest)).length).toBe(5);
  let busy = 3;
  const later = await pulled(() => (busy-- > 0 ? new Response("busy", { status: 503 }) : null));
  expect(later.fault).toBeNull();
});

test("a registry that says nothing more is left after a while", async () => {
  const silent: Answerer = (_, path) =>
    isLayer(path)
      ? new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(image.layer.slice(0, 10));
            },
          }),
        )
      : null;
  const { fault } = await pulled(silent, fresh({ idleMs: 150 }));
  expect(fault).toMatchObject({ kind: "network", detail: "nothing came for 0.15 s" });
});

test("Ctrl-C ends a fetch, and the cache has nothing of it", async () => {
  const controller = new AbortController();
  const options = fresh({ signal: controller.signal });
  const act = pulled((_, path) => {
    if (!isLayer(path)) return null;
    return new Response(
      new ReadableStream({
        start(stream) {
          stream.enqueue(image.layer.slice(0, 10));
          setTimeout(() => controller.abort(), 20);
        },
      }),
    );
  }, options);
  expect(await act.catch((error: Error) => error.name)).toBe("AbortError");
  expect(readdirSync(options.cacheFolder)).toEqual([sha(image.config)]);
});

test("a token is asked for with the scope that is needed, and only its registry gets it", async () => {
  const elsewhere: string[] = [];
  using storage = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      elsewhere.push(request.headers.get("authorization") ?? "none");
      return new Response(image.layer);
    },
  });
  let scope: string | null = null;
  const odd: Answerer = (request, path) => {
    const url = new URL(request.url);
    if (path === "/token") {
      scope = url.search;
      const right = request.headers.get("authorization") === `Basic ${btoa("ann:pw")}`;
      return right ? Response.json({ token: "abc.def" }) : new Response("no", { status: 401 });
    }
    if (path === "/v2/") return null;
    if (request.headers.get("authorization") !== "Bearer abc.def") {
      const header = `Bearer realm="${url.origin}/token",service="reg",scope="repository:other:push"`;
      return new Response("", { status: 401, headers: { "www-authenticate": header } });
    }
    return isLayer(path) ? Response.redirect(`http://127.0.0.1:${storage.port}/x?sig=secret`, 307) : null;
  };
  const { fault } = await pulled(odd, fresh({ login: { user: "ann", password: "pw" } }));
  expect(fault).toBeNull();
  expect(decodeURIComponent(scope ?? "")).toBe("?service=reg&scope=repository:app:pull");
  expect(elsewhere).toEqual(["none"]);
  expect((await pulled(odd)).fault).toMatchObject({ kind: "registry", status: 401, detail: "no token" });
});

test.each([
  ["an endless circle", (url: URL) => `${url.origin}${url.pathname}`, /redirects without end/],
  ["plain HTTP elsewhere", () => "http://registry.example/x", /plain HTTP to another machine/],
  ["another protocol", () => "file:///etc/shadow", /plain HTTP|not HTTPS/],
  ["nothing readable", () => "http://[", /not HTTPS/],
])("a redirect to %s is not followed", async (_what, target, message) => {
  const { fault } = await pulled((request, path) =>
    isLayer(path) ? new Response("", { status: 302, headers: { location: target(new URL(request.url)) } }) : null,
  );
  expect(fault).toMatchObject({ kind: "network", detail: expect.stringMatching(message) });
});

test("from HTTPS, no redirect leads to plain HTTP, not even with --insecure", async () => {
  const made = Bun.spawnSync(
    [
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      "key.pem",
      "-out",
      "cert.pem",
      "-days",
      "2",
      "-subj",
      "/CN=x",
    ],
    { cwd: top },
  );
  expect(made.exitCode).toBe(0);
  using plain = fakeRegistry(image);
  using secure = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: Bun.file(join(top, "cert.pem")), key: Bun.file(join(top, "key.pem")) },
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.includes("/manifests/")) return new Response(image.manifest);
      return pathname === "/v2/" ? new Response("{}") : Response.redirect(`http://${plain.host}${pathname}`, 307);
    },
  });
  const fault = await faultOfSource(`docker://127.0.0.1:${secure.port}/app:1`, fresh({ insecure: true }));
  expect(fault).toMatchObject({ kind: "network", detail: "it redirects to something that is not HTTPS" });
  expect(plain.asked).toEqual([]);
});

test("documents of any length are read to their limit only", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(1 << 20).fill(0x20));
        },
      }),
    );
  const { fault } = await pulled((_, path) => (path.includes("/manifests/") ? endless() : null));
  expect(fault).toMatchObject({ kind: "tooLarge", most: 4 << 20 });
});

test("without a way to log in, the registry's words are passed on, and steer no terminal", async () => {
  const { fault } = await pulled((_, path) =>
    path.includes("/manifests/")
      ? new Response('{"errors":[{"message":"not \u001b[31mfor you"}]}', { status: 403 })
      : null,
  );
  expect(fault).toMatchObject({ kind: "registry", status: 403, detail: "not ?[31mfor you" });
  expect((await pulled(() => new Response("", { status: 401 }))).fault).toMatchObject({
    detail: "and does not say how to log in",
  });
});

test("plain HTTP is for this machine, or for who says --insecure", async () => {
  const fault = await faultOfSource("docker://192.0.2.1:1/app", fresh({ idleMs: 100 }));
  expect(fault).toMatchObject({ kind: "network", url: expect.stringMatching(/^https:/) });
});

test("challenges are read as registries write them", () => {
  expect(readChallenge('Bearer realm="https://a/t",service="s",scope="repository:x:pull"')).toEqual({
    scheme: "bearer",
    realm: "https://a/t",
    service: "s",
    scope: "repository:x:pull",
  });
  expect(readChallenge("bearer realm=https://a/t")).toMatchObject({ realm: "https://a/t", service: null });
  expect(readChallenge('Basic realm="x"')).toEqual({ scheme: "basic" });
  for (const bad of [null, "", "Negotiate", "Bearer", 'Bearer realm="no address"', `Bearer ${"x".repeat(9000)}`]) {
    expect(readChallenge(bad)).toBeNull();
  }
});

test("what is fetched is what is unpacked", async () => {
  using registry = fakeRegistry(image);
  const opened = await openedAs(`docker://${registry.host}/app:1`, fresh());
  expect(opened).toMatchObject({
    platform: { architecture: "arm64" },
    config: { cmd: ["sh"] },
    digest: `${registry.host}/app@sha256:${image.digest}`,
  });
  const { lines } = await unpackedByUs(opened, top);
  expect(lines).toContain("f 644 0:0  ./etc/a");
});
