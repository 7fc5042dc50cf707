/* The two pools of slots: small and big, each a free list over one array of descriptors (small ones
 * first) and one array of bytes. Bounded for ever: made by link_init, nothing is added. An outgoing
 * message always finds room (asserted: each sender's row owns its message [D 6.2]); an early
 * datagram may not, and comes again. */
#include "net/link_private.h"

void link_slots_init(struct link_set *ls) {
    for (uint32_t i = 0; i < ls->small + ls->big; i++) {
        bool last = i + 1 == ls->small || i + 1 == ls->small + ls->big;
        link_slot_at(ls, i)->next = last ? SLOT_NONE : i + 1;
    }
    ls->small_free = ls->small != 0 ? 0 : SLOT_NONE;
    ls->big_free = ls->big != 0 ? ls->small : SLOT_NONE;
}

uint8_t *link_slot_bytes(const struct link_set *ls, uint32_t slot) {
    uint32_t at = slot < ls->small ? ls->small_at + slot * SLOT_SMALL_BYTES
                                   : ls->big_at + (slot - ls->small) * SLOT_BIG_BYTES;
    return (uint8_t *)((uintptr_t)ls + at);
}

static uint32_t pop(struct link_set *ls, uint32_t *list) {
    uint32_t slot = *list;

    ASSERT(slot != SLOT_NONE);
    struct link_slot *s = link_slot_at(ls, slot);

    *list = s->next;
    memset(s, 0, sizeof(*s));
    s->next = SLOT_NONE;
    return slot;
}

uint32_t link_slot_take(struct link_set *ls, uint32_t message_bytes) {
    if (message_bytes <= LINK_SMALL_BYTES) {
        ASSERT(ls->small_free != SLOT_NONE &&
               "link: no slot for a short message: too many wait unacked; raise limits.link_small");
        ls->small_used++;
        return pop(ls, &ls->small_free);
    }
    ASSERT(ls->big_free != SLOT_NONE &&
           "link: no slot for a long message: too many wait unacked; raise limits.link_big");
    ls->big_used++;
    return pop(ls, &ls->big_free);
}

bool link_is_short(const struct link_set *ls) {
    return ls->small - ls->small_used < ls->small / 4;
}

uint32_t link_slot_take_early(struct link_set *ls) {
    if (ls->big_free == SLOT_NONE || ls->early_used >= ls->big / 2) {
        return SLOT_NONE;
    }
    ls->big_used++;
    ls->early_used++;
    return pop(ls, &ls->big_free);
}

void link_slot_free(struct link_set *ls, uint32_t slot) {
    struct link_slot *s = link_slot_at(ls, slot);

    ASSERT(slot < ls->small + ls->big);
    if (slot < ls->small) {
        s->next = ls->small_free;
        ls->small_free = slot;
        ls->small_used--;
    } else {
        s->next = ls->big_free;
        ls->big_free = slot;
        ls->big_used--;
    }
}

void link_slot_free_early(struct link_set *ls, uint32_t slot) {
    ASSERT(ls->early_used > 0);
    ls->early_used--;
    link_slot_free(ls, slot);
}
