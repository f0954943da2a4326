#!/bin/sh
# Checks that this machine has what building and booting devices takes; installs what is missing when run as root on Debian,
# otherwise prints the line that does. Nothing is done when nothing is missing.
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A program that is looked for, and the Debian package that has it.
needed="
qemu-system-x86_64 qemu-system-x86
qemu-system-aarch64 qemu-system-arm
mksquashfs squashfs-tools
mke2fs e2fsprogs
mkfs.erofs erofs-utils
veritysetup cryptsetup-bin
mformat mtools
mkfs.vfat dosfstools
grub-editenv grub-common
mkenvimage u-boot-tools
fw_setenv libubootenv-tool
sfdisk fdisk
depmod kmod
cpio cpio
lxc-start lxc
mosquitto mosquitto
mosquitto_pub mosquitto-clients
flock util-linux
setpriv util-linux
ip iproute2
sysctl procps
dpkg-deb dpkg
xz xz-utils
openssl openssl
grub-mkimage grub-common
grub-fstest grub-common
grub-script-check grub-common
mkimage u-boot-tools
genimage genimage
dtc device-tree-compiler
shellcheck shellcheck
mkfs.xfs xfsprogs
fakeroot fakeroot
setfattr attr
setcap libcap2-bin
umoci umoci
skopeo skopeo
docker-registry docker-registry
zstd zstd
dropbear dropbear-bin
ssh openssh-client
"

missing=$(echo "$needed" | while read -r program package; do
	[ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
done)
# No program: the library that tests of the LXC binding open.
ldconfig -p | grep -q 'liblxc\.so\.1 ' || missing="$missing liblxc1"
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # one word a package
set -- $missing
install="apt-get install --yes --no-install-recommends $*"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "this machine lacks: $*" >&2
	echo "install them, on Debian with:  sudo apt-get update && sudo $install" >&2
	exit 1
fi
echo "installing $*"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null
