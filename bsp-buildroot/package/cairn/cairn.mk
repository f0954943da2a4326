################################################################################
#
# cairn
#
################################################################################

CAIRN_VERSION = 0.1.0
CAIRN_LICENSE = MIT
CAIRN_DEPENDENCIES = host-cairn lxc
CAIRN_ARCH = $(if $(BR2_aarch64),aarch64,x86_64)
CAIRN_FROM = $(call qstrip,$(BR2_PACKAGE_CAIRN_FROM))

ifeq ($(BR2_PACKAGE_CAIRN_BUILD),y)
# The sources are those around this tree. What is downloaded is Bun, for the
# machine that builds and for the device, and the packages of npm.
include $(BR2_EXTERNAL_CAIRN_PATH)/package/cairn/npm.inc
CAIRN_TOP = $(BR2_EXTERNAL_CAIRN_PATH)/..
CAIRN_NPM = $(call qstrip,$(BR2_PACKAGE_CAIRN_NPM))
ifeq ($(BR_BUILDING)$(CAIRN_NPM),y)
$(error Cairn is to be built from source: name a registry of npm, BR2_PACKAGE_CAIRN_NPM)
endif
CAIRN_BUN = @oven/bun-linux-$(CAIRN_ARCH:x86_64=x64)
HOST_CAIRN_BUN = @oven/bun-linux-$(HOSTARCH:x86_64=x64)
CAIRN_BUN_SOURCE = $(notdir $(CAIRN_BUN))-$(CAIRN_BUN_VERSION).tgz
HOST_CAIRN_BUN_SOURCE = $(notdir $(HOST_CAIRN_BUN))-$(CAIRN_BUN_VERSION).tgz

CAIRN_SITE = $(CAIRN_NPM)/$(CAIRN_BUN)/-
CAIRN_SOURCE = $(CAIRN_BUN_SOURCE)
HOST_CAIRN_SITE = $(CAIRN_NPM)/$(HOST_CAIRN_BUN)/-
HOST_CAIRN_SOURCE = $(HOST_CAIRN_BUN_SOURCE)
HOST_CAIRN_EXTRA_DOWNLOADS = \
	$(foreach package,$(CAIRN_NPM_PACKAGES),$(CAIRN_NPM)/$(lastword $(subst =, ,$(package))))
CAIRN_EXTRA_DOWNLOADS = \
	$(HOST_CAIRN_EXTRA_DOWNLOADS) $(HOST_CAIRN_SITE)/$(HOST_CAIRN_SOURCE)

# $(1): place below node_modules, $(2): name of the download
define CAIRN_UNPACK
	mkdir -p $(@D)/node_modules/$(1)
	tar -xzf $(CAIRN_DL_DIR)/$(2) -C $(@D)/node_modules/$(1) --strip-components=1

endef

define HOST_CAIRN_EXTRACT_CMDS
	cp -R $(addprefix $(CAIRN_TOP)/,package.json package-lock.json tsconfig.json runtime) $(@D)
	mkdir -p $(@D)/bsp-buildroot
	cp $(BR2_EXTERNAL_CAIRN_PATH)/binary.ts $(@D)/bsp-buildroot
	$(foreach package,$(CAIRN_NPM_PACKAGES),$(call CAIRN_UNPACK,$(firstword $(subst =, ,$(package))),$(notdir $(package))))
	$(call CAIRN_UNPACK,$(HOST_CAIRN_BUN),$(HOST_CAIRN_BUN_SOURCE))
endef

define CAIRN_EXTRACT_CMDS
	$(HOST_CAIRN_EXTRACT_CMDS)
	$(call CAIRN_UNPACK,$(CAIRN_BUN),$(CAIRN_BUN_SOURCE))
endef

# The runtime that goes into the program is there: nothing is downloaded.
CAIRN_COMPILE = cd $(@D) && node_modules/$(HOST_CAIRN_BUN)/bin/bun bsp-buildroot/binary.ts

define HOST_CAIRN_BUILD_CMDS
	$(CAIRN_COMPILE) $(HOSTARCH)
endef

define CAIRN_BUILD_CMDS
	$(CAIRN_COMPILE) $(CAIRN_ARCH)
endef

CAIRN_MADE = dist/
else
CAIRN_SITE = $(CAIRN_FROM)
ifneq ($(findstring ://,$(CAIRN_FROM)),)
CAIRN_SOURCE = cairn-$(CAIRN_VERSION)-$(CAIRN_ARCH)
HOST_CAIRN_SOURCE = cairn-$(CAIRN_VERSION)-$(HOSTARCH)

define CAIRN_EXTRACT_CMDS
	cp $(CAIRN_DL_DIR)/$(CAIRN_SOURCE) $(@D)/cairn-$(CAIRN_ARCH)
endef

define HOST_CAIRN_EXTRACT_CMDS
	cp $(HOST_CAIRN_DL_DIR)/$(HOST_CAIRN_SOURCE) $(@D)/cairn-$(HOSTARCH)
endef
else
CAIRN_SITE_METHOD = local
endif
endif

# Stripping makes plain "bun" of the program, without a word. What cannot be
# executed is not stripped: it gets its mode when the file system is made.
define CAIRN_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0644 $(@D)/$(CAIRN_MADE)cairn-$(CAIRN_ARCH) \
		$(TARGET_DIR)/usr/bin/cairn
endef

define CAIRN_PERMISSIONS
	/usr/bin/cairn f 0755 0 0 - - - - -
endef

ifeq ($(BR2_INIT_CAIRN),y)
define CAIRN_INSTALL_INIT
	ln -snf /usr/bin/cairn $(TARGET_DIR)/sbin/init
endef
CAIRN_POST_INSTALL_TARGET_HOOKS += CAIRN_INSTALL_INIT
endif

# A read-only root brings along where something is mounted, and the link that
# leads containers to the name servers of the moment.
CAIRN_MOUNT_POINTS = storage volumes configs exports writable var lib/firmware

define CAIRN_INSTALL_MOUNT_POINTS
	cd $(TARGET_DIR) && mkdir -p $(CAIRN_MOUNT_POINTS)
	ln -snf ../run/resolv.conf $(TARGET_DIR)/etc/resolv.conf
endef
CAIRN_POST_INSTALL_TARGET_HOOKS += CAIRN_INSTALL_MOUNT_POINTS

CAIRN_LOADER = $(strip \
	$(if $(BR2_PACKAGE_CAIRN_LOADER_GRUB),grub) \
	$(if $(BR2_PACKAGE_CAIRN_LOADER_UBOOT),uboot) \
	$(if $(BR2_PACKAGE_CAIRN_LOADER_RPIAB),rpiab) \
	$(if $(BR2_PACKAGE_CAIRN_LOADER_NONE),none))

CAIRN_CONFIG = PV_BOOTLOADER_TYPE=$(CAIRN_LOADER)

ifeq ($(BR2_PACKAGE_CAIRN_WATCHDOG),y)
CAIRN_CONFIG += PV_WDT_TIMEOUT=$(BR2_PACKAGE_CAIRN_WATCHDOG_TIMEOUT)
else
CAIRN_CONFIG += PV_WDT_MODE=disabled
endif

ifeq ($(BR2_PACKAGE_CAIRN_STORAGE_GROW),y)
CAIRN_CONFIG += PV_STORAGE_GROW=1
endif

CAIRN_TRUST = $(call qstrip,$(BR2_PACKAGE_CAIRN_TRUST))
ifneq ($(CAIRN_TRUST),)
CAIRN_CONFIG += PV_SECUREBOOT_MODE=$(strip \
	$(if $(BR2_PACKAGE_CAIRN_TRUST_STRICT),strict) \
	$(if $(BR2_PACKAGE_CAIRN_TRUST_AUDIT),audit) \
	$(if $(BR2_PACKAGE_CAIRN_TRUST_LENIENT),lenient))

define CAIRN_INSTALL_TRUST
	$(INSTALL) -D -m 0644 $(CAIRN_TRUST) \
		$(TARGET_DIR)/etc/pantavisor/pvs/trust/ca-certificates.crt
endef
else
define CAIRN_INSTALL_TRUST
	rm -f $(TARGET_DIR)/etc/pantavisor/pvs/trust/ca-certificates.crt
endef
endif

CAIRN_DEBUG_KEYS = $(call qstrip,$(BR2_PACKAGE_CAIRN_DEBUG_KEYS))
ifneq ($(CAIRN_DEBUG_KEYS),)
CAIRN_CONFIG += PV_DEBUG_SSH_AUTHORIZED_KEYS=cairn/authorized_keys

define CAIRN_INSTALL_DEBUG_KEYS
	$(INSTALL) -D -m 0644 $(CAIRN_DEBUG_KEYS) \
		$(TARGET_DIR)/etc/cairn/authorized_keys
endef
else
define CAIRN_INSTALL_DEBUG_KEYS
	rm -f $(TARGET_DIR)/etc/cairn/authorized_keys
endef
endif

ifeq ($(BR2_PACKAGE_CAIRN_DEBUG_OPEN),y)
CAIRN_CONFIG += PV_DEBUG_SSH=1
endif

ifeq ($(BR2_PACKAGE_CAIRN_DEBUG_SHELL),y)
CAIRN_CONFIG += PV_DEBUG_SHELL=1
endif

CAIRN_HUB_HOST = $(call qstrip,$(BR2_PACKAGE_CAIRN_HUB_HOST))
CAIRN_HUB_AUTHORITY = $(call qstrip,$(BR2_PACKAGE_CAIRN_HUB_AUTHORITY))
CAIRN_HUB_TOKEN = $(call qstrip,$(BR2_PACKAGE_CAIRN_HUB_TOKEN))
ifneq ($(CAIRN_HUB_HOST),)
CAIRN_CONFIG += \
	PV_HUB_HOST=$(CAIRN_HUB_HOST) \
	PV_HUB_PORT=$(BR2_PACKAGE_CAIRN_HUB_PORT) \
	$(if $(CAIRN_HUB_TOKEN),PV_HUB_TOKEN=$(CAIRN_HUB_TOKEN))

define CAIRN_INSTALL_HUB_AUTHORITY
	$(INSTALL) -D -m 0644 $(CAIRN_HUB_AUTHORITY) $(TARGET_DIR)/etc/cairn/hub.crt
endef
endif

# At the end of each build, so that an option changed in the menu counts.
define CAIRN_CONFIGURE_TARGET
	printf '%s\n' $(foreach key,$(CAIRN_CONFIG),'$(key)') \
		>$(TARGET_DIR)/etc/pantavisor.config
	$(CAIRN_INSTALL_TRUST)
	$(CAIRN_INSTALL_HUB_AUTHORITY)
	$(CAIRN_INSTALL_DEBUG_KEYS)
endef
CAIRN_TARGET_FINALIZE_HOOKS += CAIRN_CONFIGURE_TARGET

# Of LXC, process 1 needs the library and lxc-start; four more are for whoever
# looks at a container. Each program has the library inside: all of them would
# be a fifth of the base system. One of them is setuid.
CAIRN_LXC_PROGRAMS = attach info ls start stop

define CAIRN_REMOVE_LXC_PROGRAMS
	find $(TARGET_DIR)/usr/bin -name 'lxc-*' \
		$(foreach program,$(CAIRN_LXC_PROGRAMS),! -name lxc-$(program)) -delete
	rm -rf $(addprefix $(TARGET_DIR)/usr/,libexec/lxc/lxc-monitord \
		libexec/lxc/lxc-user-nic sbin/init.lxc.static share/lxc/templates)
endef
CAIRN_TARGET_FINALIZE_HOOKS += CAIRN_REMOVE_LXC_PROGRAMS

# For board/all/post-image.sh, which Buildroot runs with make's environment.
export CAIRN_LOADER CAIRN_TRUST
export CAIRN_CMDLINE = $(strip \
	$(addprefix console=,$(call qstrip,$(BR2_PACKAGE_CAIRN_CONSOLE))) \
	$(call qstrip,$(BR2_PACKAGE_CAIRN_CMDLINE)))
# Both can lie there: Buildroot leaves what a build with other settings made.
export CAIRN_ROOTFS = rootfs.$(if $(BR2_TARGET_ROOTFS_SQUASHFS),squashfs,erofs)
export CAIRN_STORAGE_LABEL = $(call qstrip,$(BR2_PACKAGE_CAIRN_STORAGE_LABEL))
export CAIRN_STORAGE_SIZE = $(call qstrip,$(BR2_PACKAGE_CAIRN_STORAGE_SIZE))
export CAIRN_CONTAINERS = $(call qstrip,$(BR2_PACKAGE_CAIRN_CONTAINERS))
export CAIRN_SIGN_KEY = $(call qstrip,$(BR2_PACKAGE_CAIRN_SIGN_KEY))
export CAIRN_SIGN_CERTIFICATE = $(call qstrip,$(BR2_PACKAGE_CAIRN_SIGN_CERTIFICATE))
export CAIRN_DEVICETREE = $(call qstrip,$(BR2_LINUX_KERNEL_INTREE_DTS_NAME))

# Without one of these a device does not come up, or starts no container. They
# are built in: the first stage loads no modules.
CAIRN_KERNEL_NEEDS = \
	BINFMT_ELF BINFMT_SCRIPT BLK_DEV_INITRD RD_GZIP DEVTMPFS PROC_FS SYSFS \
	TMPFS TMPFS_XATTR UNIX UNIX98_PTYS EPOLL EVENTFD SIGNALFD TIMERFD FHANDLE \
	INOTIFY_USER FILE_LOCKING SHMEM FUTEX SYSVIPC POSIX_MQUEUE \
	BLOCK BLK_DEV BLK_DEV_LOOP EXT4_FS OVERLAY_FS MISC_FILESYSTEMS \
	SQUASHFS SQUASHFS_XATTR SQUASHFS_ZSTD EROFS_FS EROFS_FS_ZIP \
	MD BLK_DEV_DM DM_VERITY CRYPTO CRYPTO_SHA256 \
	NAMESPACES UTS_NS IPC_NS PID_NS NET_NS USER_NS \
	CGROUPS MEMCG CGROUP_SCHED FAIR_GROUP_SCHED CFS_BANDWIDTH CGROUP_PIDS \
	CGROUP_FREEZER CGROUP_DEVICE CGROUP_BPF CPUSETS BPF_SYSCALL \
	SECCOMP SECCOMP_FILTER MODULES NET INET WATCHDOG

define CAIRN_LINUX_CONFIG_FIXUPS
	$(foreach option,$(CAIRN_KERNEL_NEEDS),
		$(call KCONFIG_SET_OPT,CONFIG_$(option),y)
	)
endef

# A kernel drops an option that it does not know, or cannot have, without a
# word: one of a fragment, too, when what it depends on comes with the ones
# above, which are put in later.
define CAIRN_CHECK_KERNEL
	printf 'CONFIG_%s=y\n' $(CAIRN_KERNEL_NEEDS) | \
		awk -f $(BR2_EXTERNAL_CAIRN_PATH)/package/cairn/lost-options.awk \
			$(LINUX_DIR)/.config \
			$(call qstrip,$(BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES)) -
endef
# check-package TypoInPackageVariable
LINUX_PRE_BUILD_HOOKS += CAIRN_CHECK_KERNEL

# What makes revision 0 on the machine that builds.
define HOST_CAIRN_INSTALL_CMDS
	$(INSTALL) -D -m 0755 $(@D)/$(CAIRN_MADE)cairn-$(HOSTARCH) $(HOST_DIR)/bin/cairn
endef

$(eval $(generic-package))
$(eval $(host-generic-package))
