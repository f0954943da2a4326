#!/bin/sh
# Starts a built QEMU board in this terminal:  qemu.sh IMAGES [OPTION OF QEMU]…
# Its serial line is here; Ctrl-A X ends it. The disk stays as it was built: what happens to it is forgotten with the machine.
set -eu

images=$1
shift
if [ -f "$images/bzImage" ]; then
	set -- qemu-system-x86_64 -M q35 -cpu max "$@"
else
	set -- qemu-system-aarch64 -M virt -cpu cortex-a72 -bios "$images/u-boot.bin" "$@"
fi
exec "$@" -m 512 -nographic \
	-drive "file=$images/disk.img,format=raw,if=none,id=disk,snapshot=on" -device virtio-blk-pci,drive=disk \
	-device i6300esb -action watchdog=reset -nic user,model=virtio-net-pci
