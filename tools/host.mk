# Programs for the host: unit tests, the simulator, the small host tools. Included by Makefile.

HOST_CFLAGS := -std=c11 -D_GNU_SOURCE -g $(WARNINGS) -I.

# ---- unit tests -------------------------------------------------------------------------------
# tests/unit/test_NAME.c names in a comment near its top, `/* sources: a.c b.c */`, the files that
# are linked with it. Objects are shared by all tests; what a test fakes, it simply does not name.

UNIT_CFLAGS := $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer -Itests/unit -Wno-unused-parameter \
               -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_TESTS  := $(sort $(basename $(notdir $(wildcard tests/unit/test_*.c))))
UNIT_FIELDS := $(if $(UNIT_TESTS),$(shell awk -v key=sources -f tools/fields.awk \
               $(UNIT_TESTS:%=tests/unit/%.c)))
# The tests to run: all, or those that UNIT= names (`make unit UNIT="link crc"`).
UNIT_RUN    := $(if $(UNIT),$(UNIT:%=test_%),$(UNIT_TESTS))

$(eval $(call flags_stamp,unit,$(HOSTCC) $(UNIT_CFLAGS)))

$(BUILD)/unit/obj/%.o: %.c $(BUILD)/flags/unit
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

# $(call unit_sources,NAME): the files that test NAME names.
unit_sources = $(subst |, ,$(patsubst tests/unit/$(1).c:%,%,\
               $(filter tests/unit/$(1).c:%,$(UNIT_FIELDS))))

# $(call unit_rule,NAME)
define unit_rule
$(BUILD)/unit/$(1): $(patsubst %.c,$(BUILD)/unit/obj/%.o,tests/unit/$(1).c \
                    $(call unit_sources,$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(HOSTCC) $$(UNIT_CFLAGS) $$^ -lcmocka -lm -o $$@
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

unit-programs: $(UNIT_RUN:%=$(BUILD)/unit/%)
.PHONY: unit-programs

# Runs every test even when one fails or does not compile.
unit:
	@status=0; \
	$(MAKE) --no-print-directory -k unit-programs UNIT="$(UNIT)" || status=1; \
	tests/unit.sh $(UNIT_RUN:%=$(BUILD)/unit/%) || status=1; exit $$status

# ---- simulator --------------------------------------------------------------------------------
# The pure files and tests/sim, three times: 64-bit, 32-bit (must print the same trace hashes),
# and 64-bit under ASan + UBSan.

SIM_SOURCES := $(PURE_SOURCES) $(sort $(wildcard tests/sim/*.c))
SIM_CC      := $(HOSTCC) $(HOST_CFLAGS) -O2
SIM32_CC    := $(CROSS)gcc $(HOST_CFLAGS) -O2
SIMSAN_CC   := $(HOSTCC) $(HOST_CFLAGS) -O1 -fno-omit-frame-pointer \
               -fsanitize=address,undefined -fno-sanitize-recover=all

# $(call sim_rules,NAME,COMPILE,LINK FLAGS)
define sim_rules
$(call flags_stamp,$(1),$(2))
$(BUILD)/sim/$(1).obj/%.o: %.c $(BUILD)/flags/$(1)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$(2) -MMD -MP -c $$< -o $$@
$(BUILD)/sim/$(1): $(SIM_SOURCES:%.c=$(BUILD)/sim/$(1).obj/%.o)
	$$(call say,LD,$$@)
	$$(Q)$(2) $(3) $$^ -lm -o $$@
endef
$(eval $(call sim_rules,sim,$(SIM_CC),))
$(eval $(call sim_rules,sim32,$(SIM32_CC),-static))
$(eval $(call sim_rules,simsan,$(SIMSAN_CC),))

SEEDS      := 1..5000
# Seeds for the builds that must agree, and for the slower one with the sanitizers.
SEEDS_SAME := 1..300
SEEDS_SAN  := 1..300

ifneq ($(wildcard tests/sim/*.c),)
sim: $(BUILD)/sim/sim $(BUILD)/sim/sim32
	$(if $(SEED),$(BUILD)/sim/sim --seed $(SEED) --trace)
else
sim:
endif

sim-seeds: $(BUILD)/sim/sim
	$(BUILD)/sim/sim --seeds $(SEEDS) --also tests/sim/regressions.txt

# One seed is one history: twice the same, also in 32 bits, also under the sanitizers.
sim-same: $(BUILD)/sim/sim $(BUILD)/sim/sim32 $(BUILD)/sim/simsan
	tests/sim_same.sh $(BUILD)/sim $(SEEDS_SAME) $(SEEDS_SAN)

# Golden traces: the core must do what tests/traces/*.txt say; retrace writes them anew.
traces: $(BUILD)/sim/sim
	tests/traces/retrace $(BUILD)/sim/sim
retrace: $(BUILD)/sim/sim
	tests/traces/retrace $(BUILD)/sim/sim --write

# Breaks copies of the pure sources on purpose, one way at a time; every broken core must be caught.
mutants: $(BUILD)/sim/sim
	BUILD=$(BUILD) SIM_CC="$(SIM_CC)" tests/sim/mutants
.PHONY: sim-seeds sim-same traces retrace

-include $(shell find $(BUILD)/unit $(BUILD)/sim -name '*.d' 2> /dev/null)
