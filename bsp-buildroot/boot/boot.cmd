# Cairn's part of the boot: which revision starts. For U-Boot 2023.01 or later on arm64 with the hush shell; made into
# boot.scr on the boot partition:  mkimage -A arm64 -T script -C none -d boot.cmd boot.scr
#
# Nothing waits for a key. The runtime says what it wants in /boot/uboot.txt of the storage partition (NUL-separated
# name=value): pv_rev is committed, pv_try is on trial. U-Boot never writes there. That a trial was started is noted in
# variable pv_trying, which outlasts a reset, before the trial starts:
#
#   pv_try is empty           start pv_rev (and forget an old pv_trying)
#   pv_try is pv_trying       it had its try and was not committed: forget pv_trying, start pv_rev
#   else                      note pv_trying, start pv_try; what cannot be noted is not tried
#
# A trial that cannot be loaded gives way to pv_rev, and pv_rev to revision 0, which every device has from its factory.
# When nothing starts, the device tries again from the beginning: it is never left standing at a prompt.
#
# Where pv_trying is kept is the board's choice:
#   in file pv.env on the boot partition, unless told. It carries a checksum: one that a power cut has torn counts as
#     absent. That can only cost a trial a second try.
#   in U-Boot's own environment, where the boot command sets save_trying: the command that saves it, and reads it back.
#     U-Boot has read pv_trying when this script starts. Two copies (redundant environment) leave a power cut the one
#     before. U-Boot must take nothing else from there (ENV_WRITEABLE_LIST), or whoever writes it changes the boot.
#
# From U-Boot's boot command ("distro boot" sets all of them but save_trying): devtype, devnum, distro_bootpart,
# kernel_addr_r, ramdisk_addr_r, fdt_addr_r or pxefile_addr_r, fdt_addr or fdtcontroladdr; save_trying.
#
# Optional file cairn-args.txt on the boot partition, name=value lines:
#   cairn_args=…       the board's words for the kernel
#   cairn_storage=…    number of the storage partition on the same disk, hexadecimal, 2 unless told

setenv cairn_args PV_STORAGE_DEVICE=LABEL=pvdata
setenv cairn_storage 2
setenv bootfs "${devtype} ${devnum}:${distro_bootpart}"
if load ${bootfs} ${ramdisk_addr_r} cairn-args.txt; then
	env import -t ${ramdisk_addr_r} ${filesize} cairn_args cairn_storage
fi
setenv storagefs "${devtype} ${devnum}:${cairn_storage}"
if test -z "${fdt_addr_r}"; then setenv fdt_addr_r ${pxefile_addr_r}; fi

# The spare name holds what was there before; it is of use only when the first write of all was cut short.
setenv pv_rev
setenv pv_try
setenv found
for name in uboot.txt uboot.txt.next; do
	if test -z "${found}"; then
		if load ${storagefs} ${ramdisk_addr_r} /boot/${name}; then
			if env import -b ${ramdisk_addr_r} ${filesize} pv_rev pv_try; then setenv found 1; fi
		fi
	fi
done
if test -z "${found}"; then echo "cairn: no environment on the storage"; fi
if test -z "${pv_rev}"; then setenv pv_rev 0; fi

# What the checksum covers is 0x200 bytes less the checksum: the file is one sector.
setenv unnoted "the environment does not keep pv_trying"
if test -z "${save_trying}"; then
	setenv unnoted "pv.env cannot be written"
	setenv pv_trying
	if load ${bootfs} ${ramdisk_addr_r} pv.env; then env import -c ${ramdisk_addr_r} ${filesize} pv_trying; fi
	setenv save_trying 'env export -c -s 200 ${ramdisk_addr_r} pv_trying && fatwrite ${bootfs} ${ramdisk_addr_r} pv.env 200'
fi

setenv order "${pv_rev} 0"
if test "${pv_rev}" = 0; then setenv order 0; fi
if test -z "${pv_try}"; then
	echo "cairn: revision ${pv_rev}"
	if test -n "${pv_trying}"; then
		setenv pv_trying
		run save_trying
	fi
elif test "${pv_trying}" = "${pv_try}"; then
	echo "cairn: ${pv_try} was not committed, back to ${pv_rev}"
	setenv pv_trying
	run save_trying
else
	# A note that is not read back, as when U-Boot may not take it, would start the trial again without end.
	setenv pv_trying "${pv_try}"
	if run save_trying && test "${pv_trying}" = "${pv_try}"; then
		echo "cairn: trying revision ${pv_try}"
		setenv order "${pv_try} ${order}"
	else
		echo "cairn: ${unnoted}: ${pv_try} is not tried, revision ${pv_rev}"
	fi
fi

# booti comes back only when it fails. Addons go behind the initramfs, each at a multiple of four, zeros between
# (kernel: initramfs buffer format).
for candidate in ${order}; do
	setenv trail /trails/${candidate}/.pv
	if load ${storagefs} ${kernel_addr_r} ${trail}/pv-kernel.img; then
		if load ${storagefs} ${ramdisk_addr_r} ${trail}/pv-initrd.img; then
			setenv whole 1
			setexpr end ${ramdisk_addr_r} + ${filesize}
			for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
				if test -e ${storagefs} ${trail}/pv-initrd.img.${n}; then
					mw.b ${end} 0 4
					setexpr end ${end} + 3
					setexpr end ${end} \& fffffffffffffffc
					if load ${storagefs} ${end} ${trail}/pv-initrd.img.${n}; then
						setexpr end ${end} + ${filesize}
					else
						setenv whole
					fi
				fi
			done
			setexpr size ${end} - ${ramdisk_addr_r}
			setenv fdt ${fdt_addr}
			if test -z "${fdt}"; then setenv fdt ${fdtcontroladdr}; fi
			if test -e ${storagefs} ${trail}/pv-fdt.dtb; then
				setenv fdt ${fdt_addr_r}
				if load ${storagefs} ${fdt} ${trail}/pv-fdt.dtb; then true; else setenv whole; fi
			fi
			setenv bootargs "panic=2 ${cairn_args} pv_rev=${candidate} pv_try=${pv_try}"
			if test -n "${whole}"; then booti ${kernel_addr_r} ${ramdisk_addr_r}:${size} ${fdt}; fi
		fi
	fi
	echo "cairn: revision ${candidate} cannot be started"
done

echo "cairn: nothing can be started, restart in 5 s"
sleep 5
reset
