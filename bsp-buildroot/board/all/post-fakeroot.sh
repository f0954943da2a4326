#!/bin/sh
# Kernel modules are a part of their own in a revision (bsp/modules.squashfs): the root file system keeps an empty folder for them.
# Buildroot calls this with a copy of the target's tree (BR2_ROOTFS_POST_FAKEROOT_SCRIPT).
set -eu

for folder in "$1"/lib/modules/*/; do
	if [ -d "$folder" ]; then find "$folder" -mindepth 1 -delete; fi
done
