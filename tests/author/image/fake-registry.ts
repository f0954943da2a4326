/** A registry that misbehaves as it is told: one handler a test. */
import { archive, type Part } from "../../tar/blocks.ts";

export const sha = (bytes: Uint8Array | string): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** An image of one layer, as its blobs by digest. */
export function imageOf(...parts: readonly Part[]) {
  const layer = archive(...parts);
  const config = JSON.stringify({
    os: "linux",
    architecture: "arm64",
    config: { Cmd: ["sh"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha(layer)}`] },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: `sha256:${sha(config)}`,
      size: config.length,
    },
    layers: [
      { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${sha(layer)}`, size: layer.length },
    ],
  });
  const blobs = new Map<string, Uint8Array | string>([
    [sha(layer), layer],
    [sha(config), config],
  ]);
  return { layer, config, manifest, blobs, digest: sha(manifest), layerDigest: sha(layer) };
}

export type FakeImage = ReturnType<typeof imageOf>;
export type Answerer = (request: Request, path: string) => Response | Promise<Response> | null;

export interface FakeRegistry extends Disposable {
  readonly host: string;
  /** `GET path` with the words of its Range and Authorization behind it. */
  readonly asked: readonly string[];
}

/** Serves the image; `odd` answers first, unless it gives null. */
export function fakeRegistry(image: FakeImage, odd: Answerer = () => null): FakeRegistry {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 30,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const words = [request.headers.get("range"), request.headers.get("authorization")].filter(
        (word) => word !== null,
      );
      asked.push([path, ...words].join(" "));
      const answer = await odd(request, path);
      if (answer !== null) return answer;
      if (path === "/v2/") return new Response("{}");
      if (/^\/v2\/app\/manifests\//.test(path)) return new Response(image.manifest);
      const blob = image.blobs.get(/^\/v2\/app\/blobs\/sha256:([0-9a-f]{64})$/.exec(path)?.[1] ?? "");
      return blob === undefined ? new Response("{}", { status: 404 }) : new Response(blob);
    },
  });
  return { host: `127.0.0.1:${server.port}`, asked, [Symbol.dispose]: () => void server.stop(true) };
}
