/** An image of several layers, made by umoci, with everything that layers can do to each other. Needs root, as umoci's devices do. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";

/** Runs a script and gives its stdout; a failure is thrown with what it said. */
export function sh(script: string, ...words: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-euc", script, "sh", ...words], {
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, LC_ALL: "C", TZ: "UTC" },
  });
  if (exitCode !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
  return stdout.toString();
}

/** A layout with the tag `app` in a new folder below `top`. */
export function sampleLayout(top: string): string {
  const at = mkdtempSync(join(top, "layout-"));
  sh(
    `
    cd "$1"
    umoci init --layout oci
    umoci new --image oci:app
    layer() { umoci repack --image oci:app bundle; rm -rf bundle; umoci unpack --image oci:app bundle; }
    umoci unpack --image oci:app bundle
    r=bundle/rootfs
    mkdir -p $r/usr/bin $r/usr/lib $r/etc/conf.d $r/gone/deep $r/hidden/below $r/dev $r/locked
    ln -s usr/bin $r/bin; ln -s /usr/lib $r/lib
    echo one > $r/etc/one; echo two > $r/etc/two; echo a > $r/etc/conf.d/a; echo b > $r/etc/conf.d/b
    echo x > $r/gone/deep/x; echo y > $r/hidden/y; echo z > $r/hidden/below/z
    head -c 300000 /dev/urandom > $r/usr/bin/tool; chmod 4755 $r/usr/bin/tool
    head -c 5000 /dev/zero > $r/usr/bin/ping; setcap cap_net_raw+ep $r/usr/bin/ping
    ln $r/usr/bin/ping $r/usr/bin/ping6; echo s > $r/etc/shadow; chown 0:42 $r/etc/shadow; chmod 0 $r/etc/shadow
    mknod $r/dev/null c 1 3; mkfifo $r/dev/pipe; chmod 0 $r/locked; chown 1000:100 $r/locked
    setfattr -n user.note -v eins $r/etc/one; mkdir $r/tmp; chmod 1777 $r/tmp
    printf 'odd' > "$r/etc/na me é"
    i=0; while [ $i -lt 200 ]; do echo $i > $r/usr/lib/f$i; i=$((i + 1)); done
    layer
    rm $r/etc/two; rm -r $r/gone; rm -r $r/etc/conf.d; echo now-a-file > $r/etc/conf.d
    ln $r/usr/bin/tool $r/usr/bin/tool2; echo longer >> $r/etc/one; chown 7:8 $r/usr/lib/f7; chmod 600 $r/usr/lib/f8
    layer
    rm $r/usr/bin/ping; rm $r/etc/conf.d; mkdir $r/etc/conf.d; echo c > $r/etc/conf.d/c; rm $r/lib; mkdir $r/lib; echo l > $r/lib/l
    layer
    mkdir fresh; echo new > fresh/new
    umoci insert --image oci:app --opaque fresh /hidden
    umoci config --image oci:app --config.entrypoint /bin/tool --config.cmd serve --config.cmd "two words" --config.user 5:6 \
      --config.env A=b --config.env 'C=d e' --config.workingdir /etc --config.volume /data --config.exposedports 80/tcp \
      --config.stopsignal SIGINT --config.label 'note=$(reboot)'
    rm -rf bundle fresh
    `,
    at,
  );
  return join(at, "oci");
}

/** What a tree is, a line each: type, mode, owner, links, device, target, contents, attributes; not its times. */
export function treeLines(folder: string): readonly string[] {
  const listed = sh(
    `cd "$1" && find . -mindepth 1 -printf '%y %m %U:%G %l %p\\n' | sort -k4
     find . -type f -printf '%p\\0' | sort -z | xargs -0 sha256sum
     find . -type f -links +1 -printf '%n %p\\n' | sort -k2
     find . \\( -type b -o -type c \\) -exec stat -c '%n %t:%T' {} + | sort
     getfattr -hRPd -m '^(user|security)' . | sed '/^$/d'`,
    folder,
  );
  return listed.split("\n");
}

/** The tree that umoci unpacks. */
export function unpackedByUmoci(layout: string, top: string): readonly string[] {
  const bundle = join(mkdtempSync(join(top, "umoci-")), "bundle");
  sh('umoci unpack --image "$1:app" "$2"', layout, bundle);
  return treeLines(join(bundle, "rootfs"));
}
