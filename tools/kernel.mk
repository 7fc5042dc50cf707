# The kernel image build/lisse.elf: our sources, lwIP, symbol table, build id, version.
# Included by Makefile.

KERNEL_CC    := $(CROSS)gcc
# Freestanding i586 without FPU instructions (the FPU belongs to the programs), frame pointers
# for backtraces, no alias assumptions about received bytes; objects that can be compiled again as a
# whole (tools/link_kernel) and looked into one by one (tests/tidy).
KERNEL_FLAGS := -std=c11 -march=i586 -mtune=generic -mno-sse -mno-mmx -mno-80387 \
                -ffreestanding -fbuiltin -fno-pic -mno-omit-leaf-frame-pointer \
                -fno-pie -fcf-protection=none -fno-stack-protector -fno-omit-frame-pointer \
                -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -O2 -g -I. \
                -flto -ffat-lto-objects
# lwIP's own headers are not ours to warn about.
LWIP_FLAGS   := -isystem $(BUILD)/lwip/src/include -Inet/port
LIBGCC        = $(shell $(KERNEL_CC) -march=i586 -print-libgcc-file-name)

KERNEL_SOURCES := $(sort $(wildcard boot/*.S boot/*.c kernel/*.c kernel/*.S kernel/console/*.c \
                  mm/*.c drivers/*.c drivers/*/*.c net/*.c net/port/*.c adapt/*.c services/*.c))
KERNEL_OBJECTS := $(addprefix $(BUILD)/kernel/,$(addsuffix .o,$(basename $(KERNEL_SOURCES))))
PURE_OBJECTS   := $(PURE_SOURCES:%.c=$(BUILD)/kernel/%.o)

ifeq ($(KERNEL_SOURCES),)
kernel:
else
kernel: $(BUILD)/lisse.elf
endif

# ---- our objects ------------------------------------------------------------------------------

$(eval $(call flags_stamp,kernel,$(KERNEL_CC) $(KERNEL_FLAGS) $(LWIP_FLAGS) $(WARNINGS)))

$(BUILD)/kernel/%.o: %.c $(BUILD)/flags/kernel | $(BUILD)/flags/lwip-source
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_FLAGS) $(WARNINGS) $(LWIP_FLAGS) $(EXTRA_$*) -MMD -MP -c $< -o $@

$(BUILD)/kernel/%.o: %.S $(BUILD)/flags/kernel
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(KERNEL_CC) $(KERNEL_FLAGS) -MMD -MP -c $< -o $@

# The compiler must not turn memcpy's own loop into a call of memcpy.
EXTRA_kernel/string := -fno-builtin -fno-tree-loop-distribute-patterns -fno-lto
# Weak definitions that the linker replaces: their contents must not be known to others.
EXTRA_kernel/version_none := -fno-lto
EXTRA_kernel/symbols_none := -fno-lto

pure-objects: $(PURE_OBJECTS)
.PHONY: pure-objects

# ---- lwIP: fetched, built with warnings off, linked as an archive -------------------------------

LWIP_NAMES := core/def core/inet_chksum core/init core/ip core/mem core/memp core/netif core/pbuf \
              core/raw core/stats core/sys core/timeouts core/udp core/dns \
              core/tcp core/tcp_in core/tcp_out \
              core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/igmp core/ipv4/ip4 \
              core/ipv4/ip4_addr core/ipv4/ip4_frag core/ipv4/autoip \
              core/ipv6/dhcp6 core/ipv6/ethip6 core/ipv6/icmp6 core/ipv6/inet6 core/ipv6/ip6 \
              core/ipv6/ip6_addr core/ipv6/ip6_frag core/ipv6/mld6 core/ipv6/nd6 netif/ethernet
LWIP_OBJECTS := $(LWIP_NAMES:%=$(BUILD)/kernel/lwip/%.o)

$(eval $(call flags_stamp,lwip,$(KERNEL_CC) $(KERNEL_FLAGS) $(LWIP_FLAGS)))

# Where the sources were found; made again when the override or the cache changes or is gone.
$(eval $(call flags_stamp,lwip-override,$(LWIP_SRC):$(LISSE_CACHE)))
$(BUILD)/flags/lwip-source: $(BUILD)/flags/lwip-override tools/fetch \
                            $(if $(wildcard $(BUILD)/lwip/src/core/init.c),,FORCE)
	@source=$$(tools/fetch lwip) && ln -sfn "$$source" $(BUILD)/lwip && echo "$$source" > $@

$(BUILD)/kernel/lwip/%.o: $(BUILD)/flags/lwip-source $(BUILD)/flags/lwip
	@mkdir -p $(@D)
	$(call say,CC,lwip/$*.c)
	$(Q)$(KERNEL_CC) $(KERNEL_FLAGS) $(LWIP_FLAGS) -w -MMD -MP -c $(BUILD)/lwip/src/$*.c -o $@

# Named by the dependency files; comes with the fetch when the cache is gone.
$(BUILD)/lwip/src/%.c: | $(BUILD)/flags/lwip-source ;

$(BUILD)/kernel/lwip.a: $(LWIP_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(CROSS)ar rcs $@ $^

# ---- build id and version ---------------------------------------------------------------------
# Nodes of different build ids refuse each other [D 6]: the hash covers what goes over the wire and
# what decides about it. BUILD_ID=0x… overrides it (a test's node of a wrong build).

BUILD_ID_SOURCES := $(sort $(wildcard adapt/* services/* net/link*))

VERSION          := 0.2

$(BUILD)/version.c: FORCE
	@mkdir -p $(@D)
	@tools/version_source $(VERSION) "$(BUILD_ID)" $(BUILD_ID_SOURCES) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/wrong_version.c: tools/version_source
	@mkdir -p $(@D)
	@tools/version_source $(VERSION) badb01dc0ffee > $@

VERSION_OBJECTS := $(BUILD)/version.o $(BUILD)/wrong_version.o
$(VERSION_OBJECTS): %.o: %.c $(BUILD)/flags/kernel kernel/version.h
	$(Q)$(KERNEL_CC) $(KERNEL_FLAGS) $(WARNINGS) -fno-lto -c $< -o $@

# ---- link, with the symbol table that the panic's backtrace reads --------------------------------

LINK_PARTS = boot/kernel.ld $(KERNEL_OBJECTS) $(BUILD)/kernel/lwip.a tools/link_kernel \
             tools/symbols.py tools/check_i586.py kernel/symbols.h $(BUILD)/flags/kernel
LINK = KERNEL_CC="$(KERNEL_CC) $(KERNEL_FLAGS)" CROSS="$(CROSS)" PYTHON="$(PYTHON)" \
       tools/link_kernel $@ boot/kernel.ld $(KERNEL_OBJECTS)

$(BUILD)/lisse.elf: $(LINK_PARTS) $(BUILD)/version.o
	$(call say,LINK,$@)
	$(Q)$(LINK) $(BUILD)/version.o $(BUILD)/kernel/lwip.a $(LIBGCC)

# The same kernel with another build id, for the test that it is refused.
wrong-build: $(BUILD)/wrong-build.elf
.PHONY: wrong-build
$(BUILD)/wrong-build.elf: $(LINK_PARTS) $(BUILD)/wrong_version.o
	$(call say,LINK,$@)
	$(Q)$(LINK) $(BUILD)/wrong_version.o $(BUILD)/kernel/lwip.a $(LIBGCC)

# ---- ISO: the kernel, and the built-in programs and matrices as boot modules ---------------------

ISO_MODULES := $(APP_NAMES:%=$(BUILD)/apps/%) $(sort $(wildcard apps/data/*))

iso: $(BUILD)/lisse.iso
$(BUILD)/lisse.iso: $(BUILD)/lisse.elf iso/grub.cfg $(ISO_MODULES)
	$(call say,ISO,$@)
	$(Q)rm -rf $(BUILD)/iso && mkdir -p $(BUILD)/iso/boot/grub $(BUILD)/iso/modules
	$(Q)cp iso/grub.cfg $(BUILD)/iso/boot/grub/ && cp $(BUILD)/lisse.elf $(BUILD)/iso/boot/
	$(Q)cp $(ISO_MODULES) $(BUILD)/iso/modules/
	$(Q)grub-mkrescue -o $@ $(BUILD)/iso 2> $(BUILD)/iso.log || { cat $(BUILD)/iso.log; exit 1; }

-include $(shell find $(BUILD)/kernel -name '*.d' 2> /dev/null)
