# The LAN switch: tools/lan/*.c is one host program. Included by Makefile.

LAN_SOURCES := $(sort $(wildcard tools/lan/*.c))
LAN_OBJECTS := $(LAN_SOURCES:%.c=$(BUILD)/host/%.o)
$(eval $(call flags_stamp,lan,$(HOSTCC) $(HOST_CFLAGS) -O2))

$(BUILD)/host/tools/lan/%.o: tools/lan/%.c $(BUILD)/flags/lan
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -O2 -MMD -MP -c $< -o $@

$(BUILD)/lan-switch: $(LAN_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -O2 $^ -o $@

tools: $(BUILD)/lan-switch

-include $(LAN_OBJECTS:.o=.d)
