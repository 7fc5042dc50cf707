/* adapt/node.c: the block of memory, the door for datagrams, messages held for a newer view, the
 * loopback ring, cluster time, determinism [D 4, P 7.2, 9.9]. */
/* sources: tests/unit/node_world.c adapt/node.c adapt/service.c adapt/member.c
   adapt/member_hello.c adapt/member_seen.c adapt/member_found.c adapt/member_newcomers.c
   adapt/member_propose.c adapt/member_accept.c adapt/supervisor.c adapt/supervisor_stable.c
   adapt/view.c adapt/view_parse.c adapt/locator.c adapt/format.c adapt/trace.c adapt/report.c
   adapt/msg.c net/link.c net/link_crc.c net/link_receive.c net/link_send.c net/link_slot.c
   services/services.c services/rows.c services/dsm_hold.c services/dsm_manager.c
   services/dsm_owner.c services/dsm_page.c services/dsm_requester.c services/dsm_publish.c
   services/dsm_service.c services/job_area.c services/job_bytes.c services/job_cache.c
   services/job_call.c services/job_files.c services/job_local.c services/job_manager.c
   services/job_map.c services/job_place.c services/job_run.c services/job_service.c
   services/job_stream.c services/sync_barrier.c services/sync_futex.c services/sync_requester.c
   services/sync_service.c services/sync_table.c services/threads.c services/threads_clone.c
   services/threads_exit.c services/threads_manager.c */
#include "tests/unit/node_world.h"
#include "adapt/member_private.h"

static int settled(void **state) {
    (void)state;
    nw_start(3, 1);
    nw_settle();
    nw_for(1000000); /* links are open, nothing is on its way */
    return 0;
}

static int end(void **state) {
    (void)state;
    nw.on_step = NULL;
    nw_end();
    return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void founds_alone(const struct limits *limits) {
    size_t bytes = node_size(limits);
    uint8_t *mem = malloc(bytes);
    struct event_start self = {.nonce = 7, .mac = 9, .build_id = 1};

    assert_non_null(mem);
    assert_int_equal(bytes % 8, 0);
    memset(mem, 0xFF, bytes); /* what was there before does not matter */
    struct node *n = node_init(mem, limits);
    assert_ptr_equal(n, mem);
    assert_int_equal(node_deadline_us(n), UINT64_MAX);
    assert_int_equal(node_seat(n), SEAT_NONE);
    assert_int_equal(node_self_id(n), 0);
    node_step(n, &(struct event){.type = EV_START, .now_us = 50, .start = &self}, &nw.fx);
    for (uint32_t i = 0; i < 100 && !node_is_stable(n); i++) {
        uint64_t at = node_deadline_us(n);
        assert_true(at != UINT64_MAX);
        node_step(n, &(struct event){.type = EV_TICK, .now_us = at}, &nw.fx);
    }
    assert_true(node_is_stable(n));
    assert_int_equal(node_seat(n), 0);
    free(mem);
}

static void test_limits(void **state) {
    static const uint32_t frames[] = {1, 2, 16, 1000, 2500, 65536};

    (void)state;
    for (uint32_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct limits limits = limits_from_frames(frames[i]);
        founds_alone(&limits);
    }
    founds_alone(&(struct limits){1, 1, 1, 1, 1, 1});
    founds_alone(&(struct limits){3, 5, 7, 9, 11, 13});
}

/* A 16 MB machine: ~2,500 user frames, tables of ~1 MiB [D 14]. */
static void test_size(void **state) {
    struct limits limits = limits_from_frames(2500);

    (void)state;
    assert_in_range(node_size(&limits), 1 << 20, 5 << 18 << 2);
    limits = limits_from_frames(0);
    size_t none = node_size(&limits);
    limits = limits_from_frames(65536);
    assert_in_range((node_size(&limits) - none) / 65536, 150, 250); /* bytes for each frame */
}

/* ---- the door -------------------------------------------------------------------------------- */

static struct msg a_probe(void) {
    struct msg m;

    memset(&m, 0, sizeof(m));
    m.head.type = MSG_PROBE;
    m.head.size = sizeof(m.stable);
    m.head.seat = nw_seat(1);
    return m;
}

/* A datagram from node 1 to node 0 that would be sound; the test damages it. */
struct forged {
    uint32_t size;
    uint8_t bytes[DATAGRAM_BYTES_MAX];
};

static struct datagram_head *head_of(struct forged *f) {
    return (struct datagram_head *)(void *)f->bytes;
}

static struct forged forge(const struct msg *m) {
    struct forged f = {0};

    f.size = nw_forge(f.bytes, 1, 0, m, 0);
    return f;
}

static struct node_counters counters(uint32_t node) {
    return nw.node[node].n->counters;
}

/* Passes an exact copy, so that any byte read behind it is found. */
static void give(const struct forged *f, uint32_t size, uint64_t from_mac) {
    uint8_t *copy = malloc(size != 0 ? size : 1);

    memcpy(copy, f->bytes, size);
    nw_datagram(0, from_mac, copy, size);
    free(copy);
}

static void test_sound(void **state) {
    struct msg m = a_probe();
    struct forged f = forge(&m);

    (void)state;
    uint64_t before = counters(0).received;
    give(&f, f.size, nw_mac(1));
    assert_int_equal(counters(0).received, before + 1);
    give(&f, f.size, nw_mac(1)); /* a duplicate: the link's business */
    assert_int_equal(counters(0).received, before + 1);
}

static void test_bytes_wrong(void **state) {
    struct msg m = a_probe();
    struct forged f = forge(&m);

    (void)state;
    struct node_counters before = counters(0);
    for (uint32_t i = 0; i < f.size; i++) {
        f.bytes[i] ^= 0x10;
        give(&f, f.size, nw_mac(1));
        f.bytes[i] ^= 0x10;
    }
    for (uint32_t size = 0; size < f.size; size++) {
        give(&f, size, nw_mac(1));
    }
    assert_int_equal(counters(0).bad_crc, before.bad_crc + 2 * f.size);
    assert_int_equal(counters(0).received, before.received);
    assert_int_equal(nw.fx.count, 0);
}

/* One field of the identity is another's, with the right CRC. */
static void test_identity_wrong(void **state) {
    struct msg m = a_probe();
    const struct forged sound = forge(&m);
    struct node_counters before = counters(0);
    const struct view *v = node_view(nw.node[0].n);

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        struct forged f = sound;
        uint64_t from = nw_mac(1);
        switch (i) {
        case 0: head_of(&f)->cluster ^= 1; break;
        case 1: head_of(&f)->cluster = 0; break;
        case 2: head_of(&f)->seat = 77; break;
        case 3: head_of(&f)->seat = nw_seat(2); break;
        case 4: head_of(&f)->seat = SEAT_NONE; break;
        case 5: head_of(&f)->incarnation--; break;
        case 6: head_of(&f)->epoch = v->epoch + 100; break;
        case 7: from = nw_mac(9); break;
        }
        link_seal(f.bytes, f.size, NULL, 0);
        give(&f, f.size, from);
        assert_int_equal(nw.fx.count, 0);
    }
    assert_int_equal(counters(0).bad_cluster, before.bad_cluster + 2);
    assert_int_equal(counters(0).bad_sender, before.bad_sender + 6);
    assert_int_equal(counters(0).received, before.received);
}

/* What the message itself says is judged once more: a broken member's is refused, and acked. */
static void test_message_wrong(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        struct node_counters before = counters(0);
        struct msg m = a_probe();
        switch (i) {
        case 0: m.head.type = MSGS; break;
        case 1: m.head.type = MSG_NONE; break;
        case 2: m.head.type = MSG_HELLO; m.head.size = sizeof(m.hello); break;
        case 3: m.head.size--; break;
        case 4: m.head.late = 2; break;
        case 5: m.head.seat = 3; break; /* of nobody: three members */
        case 6: m.head.seat = SEAT_NONE; break;
        case 7: m.head.seat = 0xFF00; break;
        case 8: m.head.type = MSG_JOB_OPEN; m.head.size = sizeof(m.job_open);
                m.head.key = key_make(SERVICE_JOB, 0x0101, 0); m.job_open.origin = 12; break;
        }
        struct forged f = forge(&m);
        give(&f, f.size, nw_mac(1));
        assert_int_equal(counters(0).bad_message, before.bad_message + 1);
        assert_int_equal(counters(0).refused, before.refused + 1);
        assert_int_equal(counters(0).received, before.received);
    }
    struct msg m = a_probe(); /* … and the link goes on */
    struct forged f = forge(&m);
    give(&f, f.size, nw_mac(1));
    assert_int_equal(counters(0).refused, 9);
}

/* The size in the message's head is more than what came. */
static void test_size_field_lies(void **state) {
    struct msg m = a_probe();

    (void)state;
    for (uint32_t size = 0; size < 2000; size += 7) {
        struct forged f = forge(&m);
        struct msg_head *head = (void *)(f.bytes + sizeof(struct datagram_head));
        uint64_t before = counters(0).bad_message;
        if (size == sizeof(m.stable)) {
            continue;
        }
        head->size = (uint16_t)size;
        link_seal(f.bytes, f.size, NULL, 0);
        give(&f, f.size, nw_mac(1));
        assert_int_equal(counters(0).bad_message, before + 1);
    }
    for (uint32_t bytes = 0; bytes < sizeof(m.head); bytes++) { /* not even a head */
        struct forged f = forge(&m);
        uint64_t before = counters(0).bad_message;
        f.size = (uint32_t)sizeof(struct datagram_head) + bytes;
        link_seal(f.bytes, f.size, NULL, 0);
        give(&f, f.size, nw_mac(1));
        assert_int_equal(counters(0).bad_message, before + 1);
    }
}

static void test_direct(void **state) {
    struct msg m = a_probe(); /* a link's message beside the links */
    struct forged f = forge(&m);
    struct node_counters before = counters(0);

    (void)state;
    head_of(&f)->kind = KIND_DIRECT;
    link_seal(f.bytes, f.size, NULL, 0);
    give(&f, f.size, nw_mac(1));
    assert_int_equal(counters(0).bad_message, before.bad_message + 1);
    for (uint32_t kind = 0; kind < 256; kind++) {
        if (kind != KIND_DATA) {
            head_of(&f)->kind = (uint8_t)kind;
            link_seal(f.bytes, f.size, NULL, 0);
            give(&f, f.size, nw_mac(1));
        }
    }
    assert_int_equal(counters(0).received, before.received);
}

/* Our own multicast comes back from some switches. */
static void test_own_multicast(void **state) {
    struct msg m = a_probe();
    struct forged f = forge(&m);
    uint64_t hash = node_trace(nw.node[0].n)->hash;

    (void)state;
    give(&f, f.size, nw_mac(0));
    assert_int_equal(nw.fx.count, 0);
    assert_int_equal(node_trace(nw.node[0].n)->hash, hash);
}

/* ---- epochs ---------------------------------------------------------------------------------- */

/* A member has a newer view: its messages wait, are not acked, and come when the view is here. */
static void test_newer_epoch(void **state) {
    struct node *n = nw.node[0].n;
    struct msg m = a_probe();
    struct forged f = forge(&m);
    struct node_counters before = counters(0);

    (void)state;
    head_of(&f)->epoch++;
    link_seal(f.bytes, f.size, NULL, 0);
    give(&f, f.size, nw_mac(1));
    assert_int_equal(n->hold[nw_seat(1)], 1);
    f = forge(&m); /* the first one again, now of the epoch of this node: order is kept */
    give(&f, f.size, nw_mac(1));
    assert_int_equal(counters(0).received, before.received);
    assert_true(counters(0).held > before.held);
    assert_int_equal(link_peer_at(nw_links(0), nw_seat(1))->want, head_of(&f)->sequence);

    const struct change roles = {.kind = CHANGE_ROLES};
    struct view next;
    assert_int_equal(view_apply(node_view(n), &roles, 1, &next), 0);
    nw.fx.count = 0;
    nw.fx.arena_used = 0;
    n->scratch_fx = (uint64_t)(uintptr_t)&nw.fx;
    member_set_view(n, &next);
    n->scratch_fx = 0;
    assert_int_equal(n->hold[nw_seat(1)], 0);
    assert_int_equal(counters(0).received, before.received + 1);
}

/* An older epoch of a member is late, and welcome [P 7.3]. */
static void test_older_epoch(void **state) {
    struct msg m = a_probe();
    struct forged f = forge(&m);
    uint64_t before = counters(0).received;

    (void)state;
    head_of(&f)->epoch--;
    link_seal(f.bytes, f.size, NULL, 0);
    give(&f, f.size, nw_mac(1));
    assert_int_equal(counters(0).received, before + 1);
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t cluster_time(void) {
    return node_cluster_us(nw.node[0].n, nw.now_us);
}

static void say_time(uint64_t us) {
    struct msg m = a_probe();
    struct forged f = forge(&m);

    head_of(&f)->time_low = (uint32_t)us;
    head_of(&f)->time_high = (uint16_t)(us >> 32);
    link_seal(f.bytes, f.size, NULL, 0);
    give(&f, f.size, nw_mac(1));
}

/* It never goes back, follows who is ahead, and does not believe a day. */
static void test_cluster_time(void **state) {
    uint64_t at = cluster_time();

    (void)state;
    say_time(at + 5000);
    assert_int_equal(cluster_time(), at + 5000);
    say_time(at);
    say_time(0);
    assert_int_equal(cluster_time(), at + 5000);
    say_time(at + 86400000000ull * 2);
    say_time((1ull << 48) - 1);
    assert_int_equal(cluster_time(), at + 5000);
    nw.now_us += 700;
    assert_int_equal(cluster_time(), at + 5700);
}

/* ---- a peer that asks and never acks --------------------------------------------------------- */

/* A question that node 0 answers at once; acks: it has all that node 0 has sent so far. */
static void ask(bool acks) {
    const struct link_peer *p = link_peer_at(nw_links(0), nw_seat(1));
    struct msg m;

    memset(&m, 0, sizeof(m));
    m.head.type = MSG_JOB_SHRINK;
    m.head.size = sizeof(m.area);
    m.head.seat = nw_seat(1);
    m.head.key = key_make(SERVICE_JOB, 0x0777, 0);
    m.head.generation = 3;
    struct forged f = forge(&m);
    head_of(&f)->ack = p->base + (acks ? p->in_flight : 0);
    link_seal(f.bytes, f.size, NULL, 0);
    give(&f, f.size, nw_mac(1));
}

/* Answers pile up: then no question is taken any more, and all goes on when it acks. */
static void test_never_acks(void **state) {
    const struct link_peer *p = link_peer_at(nw_links(0), nw_seat(1));
    uint64_t before = counters(0).received;

    (void)state;
    nw.node[1].cut = nw.node[2].cut = true;
    for (uint32_t i = 0; i < 5000; i++) {
        ask(false);
        assert_true(p->in_flight + p->queued <= nw.limits.link_small);
    }
    assert_true(counters(0).held > 0);
    assert_in_range(counters(0).received - before, 100, nw.limits.link_small);
    before = counters(0).received;
    for (uint32_t i = 0; i < 200; i++) {
        nw_for(2000);
        ask(true);
    }
    assert_true(counters(0).received > before + 190);
    assert_true(p->in_flight + p->queued < 10);
    assert_int_equal(counters(0).refused, 0);
}

/* ---- loopback -------------------------------------------------------------------------------- */

static uint8_t order[64];
static uint32_t ordered;

static void note_calls(uint32_t node) {
    for (uint32_t i = 0; i < nw.fx.count && node == 0; i++) {
        const struct effect *e = &nw.fx.list[i];
        if (e->type == FX_WAKE || e->type == FX_MAP || e->type == FX_ZERO) {
            order[ordered++ % 64] = e->type;
        }
    }
}

/* Alone a node is its own manager: all of a fault happens in one step, in order. */
static void test_loopback(void **state) {
    (void)state;
    nw_start(1, 4);
    nw_settle();
    token_no main = nw_job(0);
    NW_CALL(0, CALL_MAP, main, MAP_MMAP, 0, 8 * PAGE_BYTES, 3, 0);
    assert_int_equal(nw.node[0].slot[main].state, SLOT_RUNS); /* answered in the same step */
    page_no page = (uint32_t)nw.node[0].slot[main].result / PAGE_BYTES;
    ordered = 0;
    nw.on_step = note_calls;
    nw_fault(0, main, page, ACCESS_WRITE);
    nw.on_step = NULL;
    assert_int_equal(ordered, 3);
    assert_int_equal(order[0], FX_ZERO);
    assert_int_equal(order[1], FX_MAP);
    assert_int_equal(order[2], FX_WAKE);
    assert_int_equal(nw.node[0].n->loopback.count, 0);
    assert_int_equal(nw.node[0].n->counters.refused, 0);
    nw_end();
}

/* ---- determinism ----------------------------------------------------------------------------- */

static uint64_t history(uint64_t seed) {
    uint64_t hash = 0;

    nw_start(3, seed);
    nw_settle();
    token_no main = nw_job(1);
    uint32_t address = (uint32_t)NW_ASK(1, CALL_MAP, main, MAP_MMAP, 0, 8 * PAGE_BYTES, 3, 0);
    for (uint32_t i = 0; i < 8; i++) {
        nw_fault(1, main, address / PAGE_BYTES + i, i % 2 ? ACCESS_READ : ACCESS_WRITE);
        assert_int_equal(nw_wait(1, main), 0);
    }
    NW_CALL(1, CALL_EXIT_GROUP, main, 5 << 8);
    nw_for(1000000);
    assert_int_equal(nw.node[1].jobs_exited, 1);
    for (uint32_t i = 0; i < 3; i++) {
        hash = mix64(hash ^ node_trace(nw.node[i].n)->hash);
        assert_int_equal(nw.node[i].n->counters.refused, 0);
        assert_false(node_jobs_running(nw.node[i].n));
        assert_int_equal(dsm_counters(nw.node[i].n).frames_used, 0);
    }
    nw_end();
    return hash;
}

static void test_same_events_same_trace(void **state) {
    (void)state;
    assert_int_equal(history(1), history(1));
    assert_int_equal(history(2), history(2));
    assert_int_not_equal(history(1), history(2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_size),
        cmocka_unit_test_setup_teardown(test_sound, settled, end),
        cmocka_unit_test_setup_teardown(test_bytes_wrong, settled, end),
        cmocka_unit_test_setup_teardown(test_identity_wrong, settled, end),
        cmocka_unit_test_setup_teardown(test_message_wrong, settled, end),
        cmocka_unit_test_setup_teardown(test_size_field_lies, settled, end),
        cmocka_unit_test_setup_teardown(test_direct, settled, end),
        cmocka_unit_test_setup_teardown(test_own_multicast, settled, end),
        cmocka_unit_test_setup_teardown(test_newer_epoch, settled, end),
        cmocka_unit_test_setup_teardown(test_older_epoch, settled, end),
        cmocka_unit_test_setup_teardown(test_cluster_time, settled, end),
        cmocka_unit_test_setup_teardown(test_never_acks, settled, end),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_same_events_same_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
