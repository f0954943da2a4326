################################################################################
#
# cairn-initramfs
#
################################################################################

CAIRN_INITRAMFS_VERSION = 1.37.0
CAIRN_INITRAMFS_SITE = https://www.busybox.net/downloads
CAIRN_INITRAMFS_SOURCE = busybox-$(CAIRN_INITRAMFS_VERSION).tar.bz2
CAIRN_INITRAMFS_DL_SUBDIR = busybox
CAIRN_INITRAMFS_LICENSE = GPL-2.0 (BusyBox), MIT (script)
CAIRN_INITRAMFS_LICENSE_FILES = LICENSE
CAIRN_INITRAMFS_CPE_ID_VENDOR = busybox
CAIRN_INITRAMFS_CPE_ID_PRODUCT = busybox
CAIRN_INITRAMFS_DEPENDENCIES = host-fakeroot
CAIRN_INITRAMFS_INSTALL_TARGET = NO
CAIRN_INITRAMFS_INSTALL_IMAGES = YES

CAIRN_INITRAMFS_MAKE = $(TARGET_MAKE_ENV) $(MAKE) -C $(@D) \
	ARCH=$(NORMALIZED_ARCH) \
	CROSS_COMPILE="$(TARGET_CROSS)" \
	CC="$(TARGET_CC)"

# What initramfs/init runs, and nothing else.
CAIRN_INITRAMFS_OPTIONS = \
	STATIC LFS DESKTOP ASH SH_IS_ASH ASH_ECHO ASH_TEST FEATURE_SH_MATH \
	CAT FINDFS VOLUMEID FEATURE_VOLUMEID_EXT GREP INSMOD MKDIR MOUNT \
	FEATURE_MOUNT_FLAGS FEATURE_MOUNT_LOOP FEATURE_MOUNT_LOOP_CREATE MV OD \
	REBOOT RM SED SLEEP FEATURE_FANCY_SLEEP FLOAT_DURATION SWITCH_ROOT SYNC \
	TR UMOUNT

# BusyBox drops an option that it does not know, or cannot have, without a word.
define CAIRN_INITRAMFS_CONFIGURE_CMDS
	$(CAIRN_INITRAMFS_MAKE) allnoconfig
	$(foreach option,$(CAIRN_INITRAMFS_OPTIONS),
		$(call KCONFIG_SET_OPT,CONFIG_$(option),y,$(@D)/.config)
	)
	yes "" | $(CAIRN_INITRAMFS_MAKE) oldconfig
	$(foreach option,$(CAIRN_INITRAMFS_OPTIONS),
		grep -qx 'CONFIG_$(option)=y' $(@D)/.config
	)
endef

define CAIRN_INITRAMFS_BUILD_CMDS
	$(CAIRN_INITRAMFS_MAKE)
endef

define CAIRN_INITRAMFS_INSTALL_IMAGES_CMDS
	$(HOST_DIR)/bin/fakeroot -- \
		$(BR2_EXTERNAL_CAIRN_PATH)/initramfs/pack.sh \
		$(@D)/busybox $(BINARIES_DIR)/cairn-initramfs.cpio.gz
endef

$(eval $(generic-package))
