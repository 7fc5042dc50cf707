# Programs that run on Lisse: musl, the compiler's libraries, apps/, tests/programs/. Included by
# Makefile.

fetch:
	@tools/fetch lwip musl > /dev/null

# ---- musl and the support libraries that ./lisse-cc links ---------------------------------------
# $(BUILD)/musl is a link to musl's folder in the cache. It is found again when the override, the
# cache or the recipe changes, or when the folder is gone.

$(eval $(call flags_stamp,musl,$(CROSS):$(MUSL_SRC):$(LISSE_CACHE)))

$(BUILD)/flags/musl-built: $(BUILD)/flags/musl tools/musl tools/fetch \
                           $(if $(wildcard $(BUILD)/musl/lib/libc.a),,FORCE)
	@folder=$$(CROSS="$(CROSS)" tools/musl) && ln -sfn "$$folder" $(BUILD)/musl && \
	echo "$$folder" > $@

I586_CC      := $(CROSS)gcc -std=c11 $(WARNINGS) -I. -O2 -march=i586 -mtune=generic -ffreestanding \
                -fno-pie -fcf-protection=none -fno-asynchronous-unwind-tables
I586_SOURCES := $(sort $(wildcard lib/i586/*.c))
I586_OBJECTS := $(I586_SOURCES:%.c=$(BUILD)/lib/obj/%.o)

$(eval $(call flags_stamp,i586,$(I586_CC)))
$(BUILD)/lib/obj/%.o: %.c $(BUILD)/flags/i586
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(I586_CC) -MMD -MP -c $< -o $@

$(BUILD)/lib/libi586.a: $(I586_OBJECTS) tools/i586_libs.py tools/check_i586.py
	$(call say,LIB,$@)
	$(Q)CROSS="$(CROSS)" $(PYTHON) tools/i586_libs.py $(BUILD)/lib $(I586_OBJECTS)

musl: $(BUILD)/flags/musl-built $(BUILD)/lib/libi586.a

# ---- programs -----------------------------------------------------------------------------------
# apps/NAME/*.c -> build/apps/NAME, tests/programs/NAME.c -> build/programs/NAME. A comment
# `/* lisse-cc: -pthread -lm */` near the top of a source adds options: for compiling it, and for
# linking its program.

LISSE_CC      := ./lisse-cc
PROGRAM_FLAGS := -std=c11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -I.
# What may be in a program beyond i586: functions with sse in their names, which run after CPUID has
# said so, and musl's control of MXCSR, which runs after AT_HWCAP has.
PROGRAM_ALLOW := ^\w*sse\w*: |^(__)?fe\w+: (ld|st)mxcsr
LIB_SOURCES   := $(sort $(wildcard lib/*.c))
LIBLISSE      := $(if $(LIB_SOURCES),$(BUILD)/lib/liblisse.a)
LISSE_CC_PARTS := lisse-cc lib/lisse.specs $(BUILD)/flags/musl-built $(BUILD)/lib/libi586.a

$(eval $(call flags_stamp,programs,$(PROGRAM_FLAGS)))

$(BUILD)/lib/program/%.o: %.c $(BUILD)/flags/programs $(LISSE_CC_PARTS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(LISSE_CC) $(PROGRAM_FLAGS) $(program_options) -MMD -MP -c $< -o $@

$(BUILD)/lib/liblisse.a: $(LIB_SOURCES:%.c=$(BUILD)/lib/program/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(CROSS)ar rcs $@ $^

APP_NAMES       := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard apps/*/*.c)))))
PROGRAM_NAMES   := $(sort $(basename $(notdir $(wildcard tests/programs/*.c))))
PROGRAM_SOURCES := $(sort $(wildcard apps/*/*.c tests/programs/*.c))
PROGRAM_FIELDS  := $(if $(PROGRAM_SOURCES),$(shell awk -v key=lisse-cc -f tools/fields.awk \
                   $(PROGRAM_SOURCES)))

# $(call options_of,SOURCE…): the options that these sources ask for.
options_of = $(sort $(foreach s,$(1),$(subst |, ,$(patsubst $(s):%,%,$(filter $(s):%,\
             $(PROGRAM_FIELDS))))))

# $(call program_object_rule,SOURCE): its options count for compiling it alone.
define program_object_rule
$(call flags_stamp,source/$(1),$(call options_of,$(1)))
$(BUILD)/lib/program/$(1:.c=.o): program_options = $(call options_of,$(1))
$(BUILD)/lib/program/$(1:.c=.o): $(BUILD)/flags/source/$(1)
endef
$(foreach s,$(PROGRAM_SOURCES),$(eval $(call program_object_rule,$(s))))

# $(call program_rule,PROGRAM,SOURCE…): the options of all its sources count for linking it.
define program_rule
$(1): $(2:%.c=$(BUILD)/lib/program/%.o) $(LIBLISSE)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(LISSE_CC) $(2:%.c=$(BUILD)/lib/program/%.o) $(LIBLISSE) \
		$(call options_of,$(2)) -o $$@
	$$(Q)$(PYTHON) tools/check_i586.py --cross "$(CROSS)" --allow '$$(PROGRAM_ALLOW)' $$@
endef
$(foreach n,$(APP_NAMES),\
    $(eval $(call program_rule,$(BUILD)/apps/$(n),$(sort $(wildcard apps/$(n)/*.c)))))
$(foreach n,$(PROGRAM_NAMES),\
    $(eval $(call program_rule,$(BUILD)/programs/$(n),tests/programs/$(n).c)))

programs: musl $(APP_NAMES:%=$(BUILD)/apps/%) $(PROGRAM_NAMES:%=$(BUILD)/programs/%)

-include $(shell find $(BUILD)/lib -name '*.d' 2> /dev/null)
