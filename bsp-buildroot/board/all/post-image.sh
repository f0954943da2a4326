#!/bin/sh
# From what Buildroot has made to a device: revision 0, the storage with it, and a disk.
#
# Buildroot calls this at the end of a build (BR2_ROOTFS_POST_IMAGE_SCRIPT) with its folder of images and the disk's layout, a
# configuration of genimage (BR2_ROOTFS_POST_SCRIPT_ARGS); package/cairn/cairn.mk exports the settings. In the folder of images it leaves
#   revision/   the repository whose state is revision 0: commit, post and export go on from there
#   disk.img    what is written to a card
set -eu

images=$1 layout=$2
here=$(cd "$(dirname "$0")" && pwd)
bsp=$(cd "$here/../.." && pwd)
work=$BUILD_DIR/cairn-image
boot=$work/root/boot
# The times of files; Buildroot says one when builds are to be reproducible (BR2_REPRODUCIBLE).
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1577836800}"
export E2FSCK_TIME="$SOURCE_DATE_EPOCH" # genimage has it look through what mke2fs has made, and it knows no other word

fail() {
	echo "post-image: $*" >&2
	exit 1
}

# The first of these files that is there.
first() {
	for file in "$@"; do
		if [ -f "$file" ]; then
			echo "$file"
			return
		fi
	done
	fail "none of these is there: $*"
}

# What the kernel is told where the boot loader does not name the revision itself.
words() { echo "PV_STORAGE_DEVICE=LABEL=$CAIRN_STORAGE_LABEL${CAIRN_CMDLINE:+ $CAIRN_CMDLINE}"; }

# Adds member $1 of bsp/run.json: file $2, which goes to bsp/ under the name $3.
part() {
	cp "$2" "bsp/$3"
	members="${members:+$members,}\"$1\":\"$3\""
}

pack_modules() {
	for folder in "$TARGET_DIR"/lib/modules/*/; do
		[ -d "$folder" ] || continue
		env -u SOURCE_DATE_EPOCH mksquashfs "$folder" "$work/modules.squashfs" -noappend -quiet -no-progress -all-root -comp zstd -mkfs-time 0 -all-time 0
		part modules "$work/modules.squashfs" modules.squashfs
		return
	done
}

# The boot partition of a Raspberry Pi, with kernel and first stage; it is a part of the revision, too.
pack_rpiboot() {
	mkdir "$work/rpiboot"
	cp -R "$images"/rpi-firmware/. "$images"/*.dtb "$work/rpiboot/"
	cp "$images/Image" "$images/cairn-initramfs.cpio.gz" "$work/rpiboot/"
	echo "panic=2 $(words)" >"$work/rpiboot/cmdline.txt"
	mkfs.vfat -C -n BOOT --invariant "$work/rpiboot.img" 65536 >/dev/null
	# One after the other: what the order of a folder's names happens to be would show in the image.
	(cd "$work/rpiboot" && find . -mindepth 1 -type d) | LC_ALL=C sort | sed 's,^\.,::,' | while read -r folder; do
		mmd -i "$work/rpiboot.img" "$folder"
	done
	(cd "$work/rpiboot" && find . -type f) | LC_ALL=C sort | while read -r file; do
		mcopy -i "$work/rpiboot.img" "$work/rpiboot/$file" "::${file#.}"
	done
	part rpiab "$work/rpiboot.img" rpiboot.img
}

make_revision() {
	rm -rf "$images/revision"
	cairn new "$images/revision" --objects .pvr/objects
	cd "$images/revision"
	mkdir bsp
	members=
	part rootfs "$(first "$images/$CAIRN_ROOTFS")" "$CAIRN_ROOTFS"
	pack_modules
	case $CAIRN_LOADER in
		rpiab) pack_rpiboot ;;
		*)
			part linux "$(first "$images/bzImage" "$images/Image")" kernel.img
			part initrd "$images/cairn-initramfs.cpio.gz" initramfs.cpio.gz
			# A Raspberry Pi's firmware makes the device tree: from the one of the board that it finds itself on, and config.txt.
			if [ -n "$CAIRN_DEVICETREE" ] && [ ! -d "$images/rpi-firmware" ]; then
				part fdt "$(first "$images/$CAIRN_DEVICETREE.dtb" "$images/$(basename "$CAIRN_DEVICETREE").dtb")" board.dtb
			fi
			;;
	esac
	echo "{$members}" >bsp/run.json
	cairn add
	cairn commit -m "base system"
	if [ -n "$CAIRN_CONTAINERS" ]; then
		for export in "$CAIRN_CONTAINERS"/*.tgz; do cairn merge "$export"; done
		cairn checkout
	fi
	if [ -n "$CAIRN_SIGN_KEY" ]; then
		cairn sign --key "$CAIRN_SIGN_KEY" ${CAIRN_SIGN_CERTIFICATE:+--x5c "$CAIRN_SIGN_CERTIFICATE"} --raw device
		cairn add _sigs
		cairn commit -m "signed"
	fi
	if [ -n "$CAIRN_TRUST" ]; then cairn verify --strict --trust "$CAIRN_TRUST"; fi
	cairn deploy "$work/root/storage"
}

lay_grub() {
	mkdir -p "$boot/boot/grub"
	cp "$bsp/boot/grub.cfg" "$boot/boot/grub/"
	{
		echo "set cairn_args='$(words)'"
		echo "set cairn_label='$CAIRN_STORAGE_LABEL'"
	} >"$boot/boot/grub/cairn-args.cfg"
	grub-editenv "$boot/pv.env" create
	cp "$(first "$BUILD_DIR"/grub2-*/build-i386-pc/grub-core/boot.img)" "$images/boot.img"
}

lay_uboot() {
	mkimage -A arm64 -T script -C none -n cairn -d "$bsp/boot/boot.cmd" "$boot/boot.scr" >/dev/null
	echo "cairn_args=$(words)" >"$boot/cairn-args.txt"
	if [ -d "$images/rpi-firmware" ]; then lay_uboot_for_rpi; fi
}

# The firmware of a Raspberry Pi takes U-Boot for the kernel.
lay_uboot_for_rpi() {
	[ -f "$images/u-boot.bin" ] || fail "$images/u-boot.bin is missing: board/raspberrypi/uboot.config has Buildroot make it"
	cp -R "$images"/rpi-firmware/. "$images"/*.dtb "$images/u-boot.bin" "$boot/"
	rm -f "$boot/cmdline.txt" # U-Boot has the kernel's words
	{
		sed '/^kernel=/d; /^initramfs /d' "$images/rpi-firmware/config.txt"
		echo "kernel=u-boot.bin"
	} >"$boot/config.txt"
}

lay_rpiab() {
	printf '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n' >"$boot/autoboot.txt"
	if [ -f "$images/rpi-firmware/bootcode.bin" ]; then
		cp "$images/rpi-firmware/bootcode.bin" "$boot/"
		: >"$boot/config.txt" # without one bootcode.bin takes the partition for none of its own
	fi
	cp "$work/rpiboot.img" "$images/slot.vfat"
	echo 0 | mcopy -i "$images/slot.vfat" - ::pv_rev.txt
}

# What mke2fs would have from chance is had from revision 0, so that the same revision makes the same disk.
name_storage() {
	CAIRN_STORAGE_UUID=$(sha256sum "$images/revision/.pvr/json" | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-8\3-8\4-\5/')
	export CAIRN_STORAGE_UUID
}

# Under fakeroot what is the builder's is root's.
make_disk() {
	fakeroot -- genimage --config "$(basename "$layout")" --includepath "$(dirname "$layout"):$here" \
		--rootpath "$work/root" --tmppath "$work/genimage" --inputpath "$images" \
		--outputpath "$images"
}

rm -rf "$work"
mkdir -p "$boot"
make_revision
case $CAIRN_LOADER in
	grub) lay_grub ;;
	uboot) lay_uboot ;;
	rpiab) lay_rpiab ;;
	none) exit 0 ;;
esac
name_storage
make_disk
