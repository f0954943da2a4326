/** Images made by umoci and skopeo, in every form they write, against what umoci unpacks. As root: device nodes. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainImage } from "../../../runtime/author/image/index.ts";
import { explainPack, pack } from "../../../runtime/author/pack/index.ts";
import { realDisk } from "../../../runtime/store/index.ts";
import { faultOfSource, flattened, openedAs, optionsIn, unpackedByUs } from "./opened.ts";
import { docker } from "./registry-process.ts";
import { sampleLayout, sh, treeLines, unpackedByUmoci } from "./sample-image.ts";

setDefaultTimeout(120_000);
const top = mkdtempSync(join(tmpdir(), "image-"));
let layout = "";
let theirs: readonly string[] = [];
let flatSha256 = "";
beforeAll(async () => {
  layout = sampleLayout(top);
  theirs = unpackedByUmoci(layout, top);
});
afterAll(() => rmSync(top, { recursive: true }));

/** Folders to mount on, which the image lacks and we add. */
const added = (line: string): boolean =>
  /^d (?:755|1777) 0:0 {2}\.\/(?:proc|sys|run|var|var\/tmp|var\/run)$/.test(line);

const manifestOf = (path: string): string =>
  new Bun.CryptoHasher("sha256").update(sh('skopeo inspect --raw "oci:$1:app"', path)).digest("hex");

describe("an image of five layers", () => {
  test("as a layout: what umoci unpacks, and its configuration as data", async () => {
    const image = await openedAs(`oci:${layout}:app`, optionsIn(top));
    expect(image.layers.length).toBe(4);
    const { lines, sha256 } = await unpackedByUs(image, top);
    await image.close();
    expect(lines.filter((line) => !added(line))).toEqual([...theirs]);
    expect(lines.filter(added).length).toBe(6);
    for (const mark of [
      "c 644 0:0  ./dev/null",
      "f 4755 0:0  ./usr/bin/tool",
      "2 ./usr/bin/tool2",
      "# file: usr/bin/ping6",
      "f 0 0:42  ./etc/shadow",
    ]) {
      expect(lines).toContain(mark);
    }
    expect(lines.some((line) => /\.\/(?:gone|etc\/two|hidden\/y)/.test(line))).toBe(false);
    expect(image.config).toMatchObject({
      entrypoint: ["/bin/tool"],
      cmd: ["serve", "two words"],
      env: ["A=b", "C=d e"],
      workingDir: "/etc",
      user: "5:6",
      volumes: ["/data"],
      exposedPorts: ["80/tcp"],
      stopSignal: "SIGINT",
      labels: { note: "$(reboot)" },
    });
    expect(image.digest).toBe(`sha256:${manifestOf(layout)}`);
    flatSha256 = sha256;
  });

  test("without its tag, since there is no other", async () => {
    const image = await openedAs(layout, optionsIn(top));
    expect(image).toMatchObject({ tag: "app", name: null });
    await image.close();
    expect(await faultOfSource(`oci:${layout}:nope`, optionsIn(top))).toEqual({
      kind: "noSuchImage",
      wanted: "nope",
      offered: ["app"],
    });
  });

  test("through every form that skopeo writes, the flat archive stays the same", async () => {
    const forms: Readonly<Record<string, readonly [script: string, source: string]>> = {
      "an archive of the layout": [
        'skopeo copy -q "oci:$1:app" "oci-archive:$2/a.tar:app"',
        "oci-archive:$2/a.tar:app",
      ],
      "docker save": [
        'skopeo copy -q "oci:$1:app" "docker-archive:$2/d.tar:example/app:1"',
        "docker-archive:$2/d.tar:example/app:1",
      ],
      "docker save, found out": ["true", "$2/d.tar"],
      "docker save, in gzip": ['gzip -k "$2/d.tar"', "$2/d.tar.gz"],
      "docker save, in zstd": ['zstd -q "$2/d.tar"', "$2/d.tar.zst"],
      "docker save, in xz": ['xz -0 -k "$2/d.tar"', "$2/d.tar.xz"],
      "layers in zstd": [
        'skopeo copy -q --dest-compress-format zstd "oci:$1:app" "oci:$2/zstd:app"',
        "oci:$2/zstd:app",
      ],
      "layers without compression": [
        'skopeo copy -q --dest-decompress "oci:$1:app" "dir:$2/plain" && skopeo copy -q "dir:$2/plain" "oci:$2/plain-oci:app"',
        "oci:$2/plain-oci:app",
      ],
    };
    const folder = mkdtempSync(join(top, "forms-"));
    for (const [what, [script, source]] of Object.entries(forms)) {
      sh(script, layout, folder);
      const image = await openedAs(source.replaceAll("$2", folder), optionsIn(top));
      const { sha256 } = await unpackedByUs(image, top);
      await image.close();
      expect(sha256, what).toBe(flatSha256);
      if (what.startsWith("docker save")) {
        expect(image).toMatchObject({ name: expect.stringMatching(/^(?:docker\.io\/)?example\/app$/), tag: "1" });
        const id = sh('tar -xOf "$1/d.tar" manifest.json', folder).match(/"Config":"([0-9a-f]{64})\.json"/)?.[1];
        expect(image.digest).toBe(`sha256:${id}`);
      }
    }
  });

  test("packed as squashfs and as EROFS, it is what umoci unpacks", async () => {
    const at = mkdtempSync(join(top, "packed-"));
    const image = await openedAs(`oci:${layout}:app`, optionsIn(top));
    for (const format of ["squashfs", "erofs"] as const) {
      const tree = await flattened(image, at);
      if (!tree.ok) throw new Error(explainImage(tree.error));
      const output = join(at, `root.${format}`);
      const packed = await pack(realDisk, tree.value, { output, format, scratchFolder: at });
      await tree.value.close();
      if (!packed.ok) throw new Error(explainPack(packed.error));
    }
    await image.close();
    sh(
      'cd "$1" && unsquashfs -q -n -d unsquashed root.squashfs && fsck.erofs --extract=extracted root.erofs && mkdir mounted && mount -t erofs -o loop,ro root.erofs mounted',
      at,
    );
    try {
      for (const folder of ["unsquashed", "mounted"]) {
        expect(
          treeLines(join(at, folder)).filter((line) => !added(line)),
          folder,
        ).toEqual([...theirs]);
      }
    } finally {
      sh('umount "$1/mounted"', at);
    }
    // What version 1.5 of fsck.erofs extracts has neither attributes, hard links nor set-user-id.
    const contents = (lines: readonly string[]) => lines.filter((line) => /^[0-9a-f]{64} /.test(line));
    expect(contents(treeLines(join(at, "extracted")))).toEqual(contents(theirs));
    const listed = sh('unsquashfs -lls "$1/root.squashfs"', at);
    expect(listed).toMatch(/^-rwsr-xr-x root\/root +300000 1970-01-01 00:00 squashfs-root\/usr\/bin\/tool$/m);
    expect(listed).toMatch(/^crw-r--r-- root\/root +1, +3 1970-01-01 00:00 squashfs-root\/dev\/null$/m);
  });

  test("through a registry, plain on loopback, and from its cache", async () => {
    await using registry = await docker(top);
    sh('skopeo copy -q --dest-tls-verify=false "oci:$1:app" "docker://$2/team/app:1.0"', layout, registry.host);
    const options = optionsIn(top, { cacheFolder: join(top, "cache-plain") });
    const image = await openedAs(`docker://${registry.host}/team/app:1.0`, options);
    expect((await unpackedByUs(image, top)).sha256).toBe(flatSha256);
    const digest = manifestOf(layout);
    expect(image).toMatchObject({
      digest: `${registry.host}/team/app@sha256:${digest}`,
      name: `${registry.host}/team/app`,
      tag: "1.0",
    });
    const pinned = await openedAs(`docker://${registry.host}/team/app@sha256:${digest}`, options);
    expect(pinned.layers.length).toBe(4);
    expect(await faultOfSource(`docker://${registry.host}/team/app:2`, options)).toMatchObject({
      kind: "registry",
      status: 404,
    });
    expect(await faultOfSource(`docker://${registry.host}/team/app@sha256:${"0".repeat(64)}`, options)).toMatchObject({
      kind: "registry",
      status: 404,
    });
  });

  test("through a registry with TLS and a login: only with the right authority and the right password", async () => {
    await using registry = await docker(top, { user: "ann", password: "let me in" });
    sh(
      'skopeo copy -q --dest-cert-dir "$3" --dest-creds "ann:let me in" "oci:$1:app" "docker://$2/app:1"',
      layout,
      registry.host,
      registry.certificates,
    );
    const source = `docker://${registry.host}/app:1`;
    const login = { user: "ann", password: "let me in" };
    const options = optionsIn(top, { ca: registry.ca, login, cacheFolder: join(top, "cache-tls") });
    const image = await openedAs(source, options);
    expect((await unpackedByUs(image, top)).sha256).toBe(flatSha256);

    const untrusted = await faultOfSource(source, { ...options, ca: null });
    expect(untrusted).toMatchObject({ kind: "network", detail: expect.stringContaining("--ca") });
    expect(await faultOfSource(source, { ...options, login: null })).toMatchObject({ kind: "registry", status: 401 });
    expect(await faultOfSource(source, { ...options, login: { ...login, password: "x" } })).toMatchObject({
      kind: "registry",
      status: 401,
    });
    expect(await faultOfSource(source, { ...options, ca: null, insecure: true })).toBeNull();
  });

  test("of several machines, the one that is asked for", async () => {
    const folder = mkdtempSync(join(top, "platforms-"));
    sh(
      `cd "$1" && umoci init --layout oci
       for one in amd64: arm64: arm:v6 arm:v7; do
         name=$(echo $one | tr -d :); umoci new --image oci:$name
         mkdir rootfs-$name; echo $name > rootfs-$name/arch
         umoci insert --image oci:$name rootfs-$name /; umoci config --image oci:$name --architecture \${one%:*}
       done`,
      folder,
    );
    const index = JSON.parse(sh('cat "$1/oci/index.json"', folder)) as {
      manifests: { annotations: Record<string, string>; digest: string; size: number; platform?: unknown }[];
    };
    const platformOf: Readonly<Record<string, object>> = {
      amd64: { os: "linux", architecture: "amd64" },
      arm64: { os: "linux", architecture: "arm64", variant: "v8" },
      armv6: { os: "linux", architecture: "arm", variant: "v6" },
      armv7: { os: "linux", architecture: "arm", variant: "v7" },
    };
    const manifests = index.manifests.map(({ annotations, ...rest }) => ({
      ...rest,
      platform: platformOf[annotations["org.opencontainers.image.ref.name"] ?? ""],
    }));
    const inner = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests });
    const digest = new Bun.CryptoHasher("sha256").update(inner).digest("hex");
    writeFileSync(join(folder, "oci/blobs/sha256", digest), inner);
    const outer = {
      mediaType: "application/vnd.oci.image.index.v1+json",
      digest: `sha256:${digest}`,
      size: inner.length,
    };
    writeFileSync(join(folder, "oci/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [outer] }));
    const archOf = async (
      ...platforms: Parameters<typeof optionsIn>[1] extends infer O
        ? O extends { platforms?: infer P }
          ? P extends readonly (infer T)[]
            ? T[]
            : never
          : never
        : never
    ): Promise<string> => {
      const image = await openedAs(`${folder}/oci`, optionsIn(top, { platforms }));
      const { lines } = await unpackedByUs(image, top);
      return lines.find((line) => line.endsWith("./arch") && /^[0-9a-f]{64}/.test(line))?.slice(0, 64) ?? "";
    };
    const is = (name: string): string => new Bun.CryptoHasher("sha256").update(`${name}\n`).digest("hex");
    const linux = (architecture: string, variant: string | null = null) => ({ os: "linux", architecture, variant });
    expect(await archOf(linux("arm64"))).toBe(is("arm64"));
    expect(await archOf(linux("arm64", "v8"))).toBe(is("arm64"));
    expect(await archOf(linux("arm", "v7"))).toBe(is("armv7"));
    expect(await archOf(linux("arm"))).toBe(is("armv6")); // the first that fits
    expect(await archOf(linux("riscv64"), linux("amd64"))).toBe(is("amd64"));
    for (const platforms of [[], [linux("riscv64")]]) {
      expect(await faultOfSource(`${folder}/oci`, optionsIn(top, { platforms }))).toMatchObject({
        kind: "platform",
        offered: expect.arrayContaining(["linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7"]),
      });
    }
  });
});

describe("plain root file systems", () => {
  const tree = (): string => {
    const folder = mkdtempSync(join(top, "root-"));
    sh(
      `cd "$1" && mkdir -p bin dev etc && echo 1 > bin/a && chmod 4755 bin/a && ln bin/a bin/b && setcap cap_net_raw+ep bin/a
       mknod dev/null c 1 3 && mkfifo dev/p && ln -s /etc/x etc/l && chown 33:44 etc && echo wh > etc/.wh.kept && mkdir -m 1777 tmp`,
      folder,
    );
    return folder;
  };

  test("a folder, and archives of it in every compression, are one tree", async () => {
    const folder = tree();
    const wanted = treeLines(folder);
    const sums = new Set<string>();
    sh(
      `tar -C "$1" --xattrs --xattrs-include='*' --format=pax -cf "$1.tar" . && gzip -k "$1.tar" && xz -0 -k "$1.tar" && zstd -q "$1.tar"`,
      folder,
    );
    for (const suffix of ["", ".tar", ".tar.gz", ".tar.xz", ".tar.zst"]) {
      const image = await openedAs(`${folder}${suffix}`, optionsIn(top));
      const { lines, sha256 } = await unpackedByUs(image, top);
      expect(lines.filter((line) => !added(line))).toEqual([...wanted]);
      expect(image).toMatchObject({ config: null, digest: null, remarks: [] });
      sums.add(sha256);
    }
    expect(sums.size).toBe(1);
  });

  test("a folder of a user without rights becomes root's", async () => {
    const folder = mkdtempSync(join(top, "root-"));
    mkdirSync(join(folder, "etc"));
    writeFileSync(join(folder, "etc/a"), "a");
    const asRoot = await openedAs(folder, optionsIn(top));
    const { sha256 } = await unpackedByUs(asRoot, top);
    const [uid, getuid, getgid] = [process.getuid?.() ?? 0, process.getuid, process.getgid];
    sh('chown -R 4321:4321 "$1"', folder);
    try {
      process.getuid = () => uid + 4321;
      process.getgid = () => uid + 4321;
      expect((await unpackedByUs(await openedAs(folder, optionsIn(top)), top)).sha256).toBe(sha256);
    } finally {
      Object.assign(process, { getuid, getgid });
    }
  });

  test("Buildroot's target folder is taken without its mark, and what it lacks is said", async () => {
    const folder = mkdtempSync(join(top, "target-"));
    writeFileSync(join(folder, "THIS_IS_NOT_YOUR_ROOT_FILESYSTEM"), "Warning!\n");
    mkdirSync(join(folder, "etc"));
    const image = await openedAs(folder, optionsIn(top));
    expect(image.remarks[0]).toContain("device nodes, owners");
    const { lines } = await unpackedByUs(image, top);
    expect(lines.some((line) => line.includes("THIS_IS_NOT"))).toBe(false);
    expect(lines.some((line) => line.endsWith("./etc"))).toBe(true);
  });

  test("what is no source is refused with a reason", async () => {
    const text = join(top, "text");
    writeFileSync(text, "x".repeat(2000));
    expect(await faultOfSource(text, optionsIn(top))).toMatchObject({ kind: "tar", fault: { kind: "noTar" } });
    expect(await faultOfSource(join(top, "none"), optionsIn(top))).toMatchObject({ kind: "io", code: "ENOENT" });
    expect(await faultOfSource("/dev/null", optionsIn(top))).toMatchObject({ kind: "source" });
    expect(await faultOfSource(`oci:${top}`, optionsIn(top))).toMatchObject({ kind: "source" });
  });
});
