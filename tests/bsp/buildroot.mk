# The few names of Buildroot that package/cairn/cairn.mk uses, so that make runs its commands on a folder without a Buildroot tree.
# Given on the command line: TREE (the external tree), TARGET_DIR, SOURCES (what the package was unpacked to), CAIRN_DL_DIR (what was
# downloaded), and settings.
define sep


endef
qstrip = $(strip $(subst ",,$(1)))
INSTALL = install
HOSTARCH = $(shell uname -m)
BR2_EXTERNAL_CAIRN_PATH = $(TREE)
KCONFIG_SET_OPT = @echo $(strip $(1))=$(2)

include $(TREE)/package/cairn/cairn.mk

downloads:
	@printf '%s\n' $(CAIRN_SITE)/$(CAIRN_SOURCE) $(CAIRN_EXTRA_DOWNLOADS) $(HOST_CAIRN_SITE)/$(HOST_CAIRN_SOURCE) $(HOST_CAIRN_EXTRA_DOWNLOADS)

$(SOURCES)/build:
	$(CAIRN_EXTRACT_CMDS)
	$(CAIRN_BUILD_CMDS)

$(SOURCES)/install:
	$(CAIRN_INSTALL_TARGET_CMDS)
	$(foreach hook,$(CAIRN_POST_INSTALL_TARGET_HOOKS),$($(hook))$(sep))

finalize:
	$(foreach hook,$(CAIRN_TARGET_FINALIZE_HOOKS),$($(hook))$(sep))

kernel:
	$(CAIRN_LINUX_CONFIG_FIXUPS)

kernel-check:
	@$(foreach hook,$(LINUX_PRE_BUILD_HOOKS),$($(hook))$(sep))

exported:
	@env | grep '^CAIRN_' | sort
