/* Performing what the core wants [D 4]: in list order, before the next event; nothing here can
 * fail, nothing here steps the core. Called by kernel/pump.c only. */
#pragma once

#include "adapt/port.h"

void effects_perform(struct effects *fx);
