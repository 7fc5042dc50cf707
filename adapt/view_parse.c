/* The check of a view's wire image: what came from the network is a view, or there is a reason why
 * not. Pure and total: every byte may be hostile, and what passes can be used without another check
 * (seats fit the links, slots name managers, names can be printed). */
#include "adapt/view.h"

bool view_uuid_equal(const uint8_t a[16], const uint8_t b[16]) {
    return memcmp(a, b, 16) == 0;
}

bool view_uuid_is_zero(const uint8_t uuid[16]) {
    static const uint8_t zero[16];

    return view_uuid_equal(uuid, zero);
}

bool name_is_sound(const char name[NAME_BYTES]) {
    uint32_t length = 0;

    while (length < NAME_BYTES && name[length] != '\0') {
        if (name[length] <= ' ' || name[length] > '~') {
            return false;
        }
        length++;
    }
    if (length == 0 || length == NAME_BYTES) {
        return false;
    }
    for (uint32_t i = length; i < NAME_BYTES; i++) {
        if (name[i] != '\0') {
            return false;
        }
    }
    return true;
}

static const char *member_invalid(const struct view *v, const struct view_member *m) {
    if (m->mac == 0 || m->mac >> 48 != 0) {
        return "member's MAC is not one";
    }
    if (m->nonce == 0) {
        return "member has no nonce";
    }
    if (m->id == 0 || m->id >= v->next_id) {
        return "member's id was never given";
    }
    if (m->incarnation == 0 || m->incarnation > v->epoch) {
        return "member admitted after this view";
    }
    if (m->seat >= VIEW_SEATS_MAX) {
        return "seat out of range";
    }
    if (m->role == ROLE_NONE || m->role >= ROLES) {
        return "unknown role";
    }
    if (m->voter > 1 || (m->voter && m->role != ROLE_MEMBER)) {
        return "voter that may not vote";
    }
    if (m->pad != 0 || m->reserved != 0) {
        return "padding is not zero";
    }
    return name_is_sound(m->name) ? NULL : "member's name cannot be printed";
}

/* Against the members before it: ids ascend, nothing is there twice. */
static const char *member_repeated(const struct view *v, uint32_t i) {
    const struct view_member *m = &v->member[i];

    if (i != 0 && v->member[i - 1].id >= m->id) {
        return "ids do not ascend";
    }
    for (uint32_t k = 0; k < i; k++) {
        if (v->member[k].seat == m->seat) {
            return "a seat is taken twice";
        }
        if (v->member[k].mac == m->mac || v->member[k].nonce == m->nonce) {
            return "a node is there twice";
        }
    }
    return NULL;
}

static const char *members_invalid(const struct view *v) {
    for (uint32_t i = 0; i < v->count; i++) {
        const char *reason = member_invalid(v, &v->member[i]);
        if (reason == NULL) {
            reason = member_repeated(v, i);
        }
        if (reason != NULL) {
            return reason;
        }
    }
    uint32_t voters = view_voters(v);
    if (voters > VOTERS_MAX || voters % 2 == 0) {
        return "number of voters is not odd, or too big";
    }
    if (v->managers != v->count - view_in_role(v, ROLE_LEAVING)) {
        return "number of managers is wrong";
    }
    return NULL;
}

static const char *slots_invalid(const struct view *v) {
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct view_member *m = view_by_seat(v, v->slot[i]);
        if (m == NULL || m->role == ROLE_LEAVING) {
            return "a slot names nobody who manages";
        }
    }
    return NULL;
}

const char *view_parse(struct view *v, const uint8_t *bytes, uint32_t size) {
    const uint32_t head_bytes = (uint32_t)offsetof(struct view, member);

    memset(v, 0, sizeof(*v));
    if (size < head_bytes || size > sizeof(*v)) {
        return "too short or too long for a view";
    }
    memcpy(v, bytes, size);
    if (v->epoch == 0 || v->next_id == 0) {
        return "epoch or next id is 0";
    }
    if (v->count == 0 || v->count > MEMBERS_MAX || view_bytes(v) != size) {
        return "number of members does not fit the size";
    }
    if (v->locator >= LOCATORS) {
        return "unknown locator";
    }
    if (view_uuid_is_zero(v->uuid)) {
        return "no uuid";
    }
    const char *reason = members_invalid(v);
    return reason != NULL ? reason : slots_invalid(v);
}
