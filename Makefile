# Cairn. `make` alone lists the targets and changes nothing.
ARCH ?= $(shell uname -m)
BUN := node_modules/.bin/bun
export ARCH KEEP SEED COUNT BYTES MINUTES
SEEDS ?= 5000000
# Proofs are for both unless one is asked for.
PROVED := $(if $(filter file default,$(origin ARCH)),x86_64 aarch64,$(ARCH))

# What "make image" is about, and where it builds.
BOARDS := $(patsubst bsp-buildroot/configs/cairn_%_defconfig,%,$(wildcard bsp-buildroot/configs/*))
IMAGE ?= build/image/$(BOARD)

.DEFAULT_GOAL := help
.PHONY: help demo demo-fleet test unit check-bsp check-uboot image board qemu test-image binary sbom fuzz proof-sim proof-power proof-reset proof-hub proof-thin proof-day bench-boot bench-update bench-image bench-hash bench-author bench-pack bench-patch bench-flood requirements clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "  %-14s %s\n", $$1, $$2 }'

demo: node_modules requirements binary ## make and sign revisions, boot a device in QEMU, update it, break it (ARCH=aarch64; KEEP=1 leaves it running), 5 minutes
	$(BUN) tests/qemu/demo.ts

demo-fleet: node_modules requirements binary ## a hub, its broker and three devices in QEMU of two architectures: enrol, deliver a changed line, lose the network, go back
	$(BUN) tests/qemu/demo-fleet.ts

test: node_modules requirements binary ## types, lint, unit, host and QEMU tests on both architectures, about 54 minutes
	$(BUN) tests/run.ts

unit: node_modules ## types, lint and the tests that need no machine, 15 minutes
	$(BUN) tests/run.ts --without-machines

check-bsp: node_modules ## the external tree in a Buildroot tree, BUILDROOT=…: style, every defconfig loaded and written back, makefiles; nothing is built
	$(BUN) tests/bsp/tree.ts "$(BUILDROOT)"

check-uboot: node_modules ## the boards' settings of U-Boot in its own tree, patched, UBOOT=…: none of them lost; nothing is built
	$(BUN) tests/bsp/uboot-tree.ts "$(UBOOT)"

image: board binary ## an image of the external tree, into build/image/BOARD: BOARD=qemu_x86_64 BUILDROOT=…
	@# What "make menuconfig" changed there is kept.
	@[ -f "$(IMAGE)/.config" ] || $(MAKE) -C "$(BUILDROOT)" BR2_EXTERNAL="$(CURDIR)/bsp-buildroot" O="$(abspath $(IMAGE))" "cairn_$(BOARD)_defconfig"
	$(MAKE) -C "$(IMAGE)" host-cairn-rebuild cairn-rebuild all

board:
	@[ -f "bsp-buildroot/configs/cairn_$(BOARD)_defconfig" ] || { echo 'BOARD= is one of: $(BOARDS)' >&2; exit 2; }
	@[ -d "$(BUILDROOT)/package" ] || { echo 'BUILDROOT= is the folder of a Buildroot tree' >&2; exit 2; }

qemu: ## start what "make image" built in this terminal: BOARD=qemu_x86_64 or qemu_aarch64
	@bsp-buildroot/board/all/qemu.sh "$(IMAGE)/images"

test-image: node_modules requirements ## the machine tests on what "make image" built, the disk as it was made first: BOARD=…
	$(BUN) tests/run.ts --images "$(IMAGE)/images"

binary: node_modules ## dist/cairn-x86_64 and dist/cairn-aarch64
	$(BUN) bsp-buildroot/binary.ts

sbom: node_modules ## what that image is made of, with licences, beside it as images/cairn-BOARD.cdx.json: BOARD=…
	$(BUN) bsp-buildroot/sbom.ts "$(IMAGE)"

fuzz: node_modules ## a million mutants through each reader of what strangers send, minutes each; TARGET=name: that one; repeat a campaign with SEED=n
	$(BUN) tests/fuzz/fuzz.ts --inputs 1000000 $(if $(TARGET),--target $(TARGET)) $(if $(SEED),--seed $(SEED))

proof-sim: node_modules ## updates through millions of simulated power cuts, hours (SEEDS=n: so many, FROM=n: from there on); repeat one with SEED=n; OF="an update from a hub": those
	$(BUN) tests/sim/proof.ts $(if $(OF),--of "$(OF)") $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --from $(or $(FROM),1))

proof-power: node_modules requirements binary ## power cuts at every flush and 10,000 random moments of real updates, on both architectures, 4 hours; SEED=n COUNT=n ARCH=…
	@for arch in $(PROVED); do ARCH=$$arch $(BUN) tests/power/proof.ts || exit 1; done

proof-reset: node_modules requirements binary ## QEMU killed 200 times in the middle of updates, on both architectures, 8 hours; SEED=n COUNT=n ARCH=…
	@for arch in $(PROVED); do ARCH=$$arch $(BUN) tests/power/reset.ts || exit 1; done

proof-hub: node_modules ## a hub and its broker killed 200 times while a fleet works; SEED=n COUNT=n
	$(BUN) tests/hub/killed/proof.ts

proof-thin: node_modules requirements binary ## an update over a link that is hardly one, bytes as the device's interface counts them, 2.5 hours; BYTES=n SEED=n
	$(BUN) tests/link/thin.ts

proof-day: node_modules requirements binary ## what a device costs on which nothing happens, in real time: a day (HOURS=n, MODE=wake)
	$(BUN) tests/link/real-day.ts

bench-boot: node_modules requirements binary ## hand-over to PID 1 until containers run, against lxc-start in a shell script, 9 minutes
	$(BUN) tests/bench/boot.ts

bench-update: node_modules requirements binary ## downtime of an exchanged container, way back of a failed revision, bytes written
	$(BUN) tests/bench/update.ts

bench-image: node_modules requirements ## what "make image" built: size by part, start-up, whether 96 MiB are enough, what an idle hour writes, 65 minutes: BOARD=… (MINUTES=n)
	CAIRN_IMAGES="$(abspath $(IMAGE))/images" $(BUN) tests/bench/image.ts

bench-hash: node_modules ## hashing of objects against sha256sum, seconds
	$(BUN) tests/bench/hash.ts

bench-author: node_modules binary ## status of 1,000 files against git, start-up of --help, seconds
	$(BUN) tests/bench/status.ts

bench-pack: node_modules ## packing against mkfs.erofs and mksquashfs, import of a 200 MB image against umoci, 3 minutes
	$(BUN) tests/bench/pack.ts

bench-patch: node_modules binary ## what an update costs: patches of real pairs against zstd, xdelta3, bsdiff and casync, 25 minutes (FOLDER=… keeps the pairs)
	$(BUN) tests/bench/patch.ts $(FOLDER)

bench-flood: node_modules binary ## process 1 and its link while a hub that means no good floods them: memory, lateness of process 1, 6 minutes (SECONDS=n ONLY=words)
	$(BUN) tests/bench/flood.ts

requirements:
	@sh tests/qemu/requirements.sh

node_modules: package.json package-lock.json
	@# Not "npm ci": it refuses a lock file that lacks other systems' optional binaries, which some registries do not carry.
	npm install --no-save --no-audit --no-fund
	@touch node_modules

clean: ## remove everything that was built
	rm -rf build dist node_modules
