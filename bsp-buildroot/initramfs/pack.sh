#!/bin/sh
# Packs the first stage:  pack.sh BUSYBOX OUT
# Under fakeroot: /dev/console is a device, and all is root's. The same BusyBox and script give the same bytes.
set -eu

busybox=$1 out=$2
commands="cat findfs grep insmod mkdir mount mv od reboot rm sed sh sleep switch_root sync tr umount"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
umask 022
for folder in bin dev etc lib lib/modules newroot proc storage sys; do mkdir "$tree/$folder"; done
mknod -m 600 "$tree/dev/console" c 5 1
install -m 755 "$(dirname "$0")/init" "$tree/init"
install -m 755 "$busybox" "$tree/bin/busybox"
for command in $commands; do ln -s busybox "$tree/bin/$command"; done
: >"$tree/etc/modules" # kernels of this tree have built in what the first stage needs
find "$tree" -exec touch -h -d @0 {} +
(cd "$tree" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc) | gzip -9n >"$out"
