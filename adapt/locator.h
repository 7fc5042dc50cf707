/* The locator: (view, key) -> seat of the manager, with no message [RR 3.3.2, P 7.20]. Pure. */
#pragma once

#include "adapt/view.h"

/* The manager's seat in v, which has at least one member. tree: one level, the slot named by byte 0
 * of mix64(key). stat: index mod N over the members that manage entries, in ascending id, the
 * report's baseline. <= 50 instructions at depth 2 [D 14]. */
seat_id locate(const struct view *v, uint64_t key);

/* Deals the 256 slots of the cell again for the given seats: the minimum number moves, and members
 * stay within one slot of each other [P 7.21]. Slots of seats that are not named, and SLOT_NONE,
 * are orphans and move. count is 1 … MEMBERS_MAX, seats are different and < SLOT_NONE. */
void locator_deal(uint8_t slot[SLOTS], const seat_id *seats, uint32_t count);
/* How many slots the seat has. */
uint32_t locator_slots(const uint8_t slot[SLOTS], seat_id seat);
