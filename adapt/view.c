/* The view as a value: making the next one, its digest, its queries. Pure, no state. The check of a
 * wire image, which trusts nothing, is view_parse.c. */
#include "adapt/view.h"
#include "adapt/format.h"
#include "adapt/locator.h"

/* ---- making --------------------------------------------------------------------------------- */

static bool name_is_taken(const struct view *v, const char name[NAME_BYTES]) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (memcmp(v->member[i].name, name, NAME_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The name asked for, padded with zeroes; n<ID> when there is none or a member has it already. */
static void name_give(const struct view *v, struct view_member *m, const char wanted[NAME_BYTES]) {
    char name[NAME_BYTES] = {0};
    struct line l;

    for (uint32_t i = 0; i < NAME_BYTES - 1 && wanted[i] != '\0'; i++) {
        name[i] = wanted[i];
    }
    if (!name_is_sound(name) || name_is_taken(v, name)) {
        memset(name, 0, sizeof(name));
        line_begin(&l, name, sizeof(name));
        line_add_char(&l, 'n');
        line_add_decimal(&l, m->id, 0);
    }
    memcpy(m->name, name, sizeof(name));
}

/* Seats are given again only when nothing names them: with no entry left behind, at once. */
static seat_id seat_free(const struct view *v) {
    seat_id seat = 0;

    while (view_by_seat(v, seat) != NULL) {
        seat++;
    }
    ASSERT(seat < VIEW_SEATS_MAX);
    return seat;
}

static int add_member(struct view *v, const struct change *c) {
    if (v->count == MEMBERS_MAX) {
        return -ERR_NO_SPACE;
    }
    if (view_by_mac(v, c->mac) != NULL || view_by_nonce(v, c->nonce) != NULL) {
        return -ERR_BUSY;
    }
    struct view_member m = {.mac = c->mac,
                            .nonce = c->nonce,
                            .id = v->next_id++,
                            .incarnation = v->epoch,
                            .seat = seat_free(v),
                            .role = ROLE_JOINING};

    name_give(v, &m, c->name);
    v->member[v->count++] = m;
    return 0;
}

static void remove_member(struct view *v, uint32_t i) {
    v->count--;
    memmove(&v->member[i], &v->member[i + 1], (v->count - i) * sizeof(v->member[0]));
    memset(&v->member[v->count], 0, sizeof(v->member[0]));
}

static int change_member(struct view *v, const struct change *c) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].id != c->id) {
            continue;
        }
        if (c->kind == CHANGE_REMOVE) {
            remove_member(v, i);
        } else {
            v->member[i].role = ROLE_LEAVING;
        }
        return 0;
    }
    return -ERR_NO_ENTRY;
}

/* [P 7.7] the largest odd number <= min(7, eligible), lowest first. One cell: nothing to spread. */
static void choose_voters(struct view *v) {
    uint32_t eligible = view_in_role(v, ROLE_MEMBER);
    uint32_t wanted = eligible < VOTERS_MAX ? eligible : VOTERS_MAX;

    wanted -= wanted != 0 && wanted % 2 == 0;
    for (uint32_t i = 0; i < v->count; i++) {
        bool votes = v->member[i].role == ROLE_MEMBER && wanted != 0;
        v->member[i].voter = votes;
        wanted -= votes;
    }
}

static void take_roles(struct view *v) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].role == ROLE_JOINING) {
            v->member[i].role = ROLE_MEMBER;
        }
    }
}

/* Slots follow the members that manage; nothing moves when they are the same [P 7.10, 7.21]. */
static void deal_slots(struct view *v) {
    seat_id seats[MEMBERS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].role != ROLE_LEAVING) {
            seats[count++] = v->member[i].seat;
        }
    }
    v->managers = (uint8_t)count;
    if (count != 0) {
        locator_deal(v->slot, seats, count);
    }
}

void view_found(struct view *v, const uint8_t uuid[16], enum locator_kind locator,
                const struct change *self) {
    ASSERT(!view_uuid_is_zero(uuid) && locator < LOCATORS);
    memset(v, 0, sizeof(*v));
    memcpy(v->uuid, uuid, sizeof(v->uuid));
    v->epoch = 1;
    v->locator = (uint8_t)locator;
    v->next_id = 1;
    memset(v->slot, SLOT_NONE, sizeof(v->slot));
    int error = add_member(v, self);
    ASSERT(error == 0);
    take_roles(v);
    choose_voters(v);
    deal_slots(v);
}

int view_apply(const struct view *v, const struct change *changes, uint32_t count,
               struct view *next) {
    bool vote_again = false;

    *next = *v;
    next->epoch++;
    for (uint32_t i = 0; i < count; i++) {
        const struct change *c = &changes[i];
        int error = 0;
        if (c->kind == CHANGE_ADD) {
            error = add_member(next, c);
        } else if (c->kind == CHANGE_ROLES) {
            take_roles(next);
        } else {
            error = change_member(next, c);
        }
        if (error != 0) {
            return error;
        }
        vote_again = vote_again || c->kind != CHANGE_ADD;
    }
    if (vote_again) {
        choose_voters(next);
    }
    deal_slots(next);
    return view_voters(next) != 0 ? 0 : -ERR_INVALID;
}

/* ---- asking --------------------------------------------------------------------------------- */

uint32_t view_bytes(const struct view *v) {
    return (uint32_t)(offsetof(struct view, member) + v->count * sizeof(v->member[0]));
}

uint64_t view_digest(const struct view *v) {
    const uint8_t *bytes = (const uint8_t *)v;
    uint64_t digest = view_bytes(v);

    if (v->epoch == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < view_bytes(v); i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof(word));
        digest = mix64(digest * 0x9E3779B97F4A7C15ull ^ word);
    }
    return digest;
}

const struct view_member *view_by_seat(const struct view *v, seat_id seat) {
    if (seat < v->count && v->member[seat].seat == seat) { /* as long as nobody has left */
        return &v->member[seat];
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].seat == seat) {
            return &v->member[i];
        }
    }
    return NULL;
}

const struct view_member *view_by_mac(const struct view *v, uint64_t mac) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].mac == mac) {
            return &v->member[i];
        }
    }
    return NULL;
}

const struct view_member *view_by_nonce(const struct view *v, uint64_t nonce) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].nonce == nonce) {
            return &v->member[i];
        }
    }
    return NULL;
}

const struct view_member *view_by_id(const struct view *v, node_id id) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].id == id) {
            return &v->member[i];
        }
    }
    return NULL;
}

const struct view_member *view_proposer(const struct view *v) {
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->member[i].voter) {
            return &v->member[i];
        }
    }
    return NULL;
}

uint32_t view_voters(const struct view *v) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        count += v->member[i].voter;
    }
    return count;
}

uint32_t view_in_role(const struct view *v, enum role role) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        count += v->member[i].role == role;
    }
    return count;
}

const char *role_name(enum role role) {
    static const char *const names[ROLES] = {"none", "joining", "member", "leaving"};

    return role < ROLES ? names[role] : "unknown";
}
