/* The view: the agreed description of the cluster, and the pure function that makes the next one
 * from it [P 7.5]. A view is a value: copied, compared by digest, sent as its wire image, which is
 * the struct's own memory up to the last member. Everybody may read it; member_set_view() alone
 * puts one in place. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"

enum role { ROLE_NONE, ROLE_JOINING, ROLE_MEMBER, ROLE_LEAVING, ROLES }; /* [P 7.10] */
enum locator_kind { LOCATOR_TREE = 0, LOCATOR_STAT = 1, LOCATORS };

enum {
    VIEW_SEATS_MAX = MEMBERS_MAX, /* seats are 0 … 15: one link each */
    VOTERS_MAX = 7,               /* [P 7.7] */
    SLOT_NONE = 0xFF,             /* a slot that nobody has; never in a view in place */
};

/* 56 bytes, no padding: this is also the wire image. */
struct view_member {
    uint64_t mac;         /* 48 bits, first byte highest */
    uint64_t nonce;       /* of the boot that was admitted [P 7.9] */
    node_id id;
    uint32_t incarnation; /* epoch of admission */
    seat_id seat;
    uint8_t role;         /* enum role */
    uint8_t voter;        /* 1: votes on the next view */
    uint32_t pad;
    char name[NAME_BYTES]; /* never empty: n<ID> when the boot gave none or one that is taken */
    uint64_t reserved;
};
_Static_assert(sizeof(struct view_member) == 56, "wire image");

struct view {
    uint8_t uuid[16];
    uint32_t epoch;         /* 0: no view */
    uint16_t count;         /* members, in ascending node_id */
    uint8_t locator;        /* enum locator_kind: the founder's counts */
    uint8_t managers;       /* members that manage entries: all but the leaving ones */
    node_id next_id;        /* the next joiner's */
    /* seconds since 1970 at cluster time 0, as the founder's clock had it */
    uint32_t wall_s;
    uint8_t slot[SLOTS];    /* the one cell: slot -> seat (one-level tree) */
    struct view_member member[MEMBERS_MAX];
};
_Static_assert(sizeof(struct view) == 32 + SLOTS + 56 * MEMBERS_MAX, "wire image");

enum change_kind { CHANGE_ADD, CHANGE_ROLES, CHANGE_LEAVE, CHANGE_REMOVE };
struct change {
    uint8_t kind;           /* enum change_kind */
    uint8_t pad[3];
    node_id id;             /* of LEAVE and REMOVE */
    uint64_t mac, nonce;    /* of ADD */
    char name[NAME_BYTES];  /* of ADD; empty: n<ID> */
};

/* The founder's view 1: itself alone, member and only voter [D 6]. uuid is not all zeroes. */
void view_found(struct view *v, const uint8_t uuid[16], enum locator_kind locator,
                const struct change *self);

/* next = v with all changes applied in their order; one pure function for every member [P 7.5].
 * Joiners get the lowest free seats, the next ids, role joining and their share of the slots; ROLES
 * makes joiners members and chooses voters again [P 7.7] and moves no slot [P 7.10]; LEAVE takes
 * vote and slots away, REMOVE the member.
 * 0; -ERR_NO_SPACE: more members than MEMBERS_MAX; -ERR_NO_ENTRY: LEAVE or REMOVE of an unknown id;
 * -ERR_BUSY: ADD of a MAC or nonce that is a member's; -ERR_INVALID: nobody would be left to vote.
 * next is undefined then. */
int view_apply(const struct view *v, const struct change *changes, uint32_t count,
               struct view *next);

/* 64-bit digest of the wire image; 0 for no view (epoch 0). */
uint64_t view_digest(const struct view *v);
uint32_t view_bytes(const struct view *v); /* of its wire image: 32 + SLOTS + 56 * count */
/* Copies a wire image into v (members behind the last are zeroed). NULL, or the reason why these
 * bytes are no view; v is undefined then. Total: any bytes may come. */
const char *view_parse(struct view *v, const uint8_t *bytes, uint32_t size);

const struct view_member *view_by_seat(const struct view *v, seat_id seat); /* NULL: none */
const struct view_member *view_by_mac(const struct view *v, uint64_t mac);
const struct view_member *view_by_nonce(const struct view *v, uint64_t nonce);
const struct view_member *view_by_id(const struct view *v, node_id id);
/* The lowest voter: proposes the next view with ballot 0 [P 7.6]. NULL: no view. */
const struct view_member *view_proposer(const struct view *v);
uint32_t view_voters(const struct view *v);
uint32_t view_in_role(const struct view *v, enum role role); /* how many members have it */
bool view_uuid_equal(const uint8_t a[16], const uint8_t b[16]);
bool view_uuid_is_zero(const uint8_t uuid[16]);
const char *role_name(enum role role);
/* A name that came from outside: zero-terminated within its bytes, printable ASCII, no space. */
bool name_is_sound(const char name[NAME_BYTES]);
