/* A LAN of up to three nodes inside a test: see link_world.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "link_world.h"

void assert_failed(const char *what, const char *file, int line) {
    mock_assert(0, what, file, line);
    abort();
}

uint32_t world_random(struct world *w, uint32_t n) {
    return random_next(&w->random) % n;
}

struct world *world_new(uint64_t seed, struct link_config config) {
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->random = mix64(seed + 1) | 1;
    w->now_us = 1000000;
    w->faults.delay_us = 100;
    for (seat_id i = 0; i < ENDS; i++) {
        struct end *e = &w->end[i];
        void *mem = malloc(link_size(&config));
        assert_non_null(mem);
        memset(mem, 0xA5, link_size(&config));
        e->world = w;
        e->seat = i;
        e->nonce = mix64(seed * ENDS + i + 77);
        e->ls = link_init(mem, &config);
        link_set_self(e->ls, e->nonce);
    }
    for (seat_id i = 0; i < ENDS * ENDS; i++) {
        if (i / ENDS != i % ENDS) {
            link_set_peer(w->end[i / ENDS].ls, i % ENDS, w->end[i % ENDS].nonce, &w->end[i / ENDS]);
        }
    }
    return w;
}

void world_free(struct world *w) {
    for (seat_id i = 0; i < ENDS; i++) {
        free(w->end[i].ls);
    }
    free(w);
}

/* ---- the LAN --------------------------------------------------------------------------------- */

static void put(struct world *w, const struct packet *p) {
    assert_true(w->on_way < PACKETS_MAX);
    struct packet *on_way = &w->packet[w->on_way++];

    *on_way = *p;
    on_way->number = ++w->packets;
    on_way->at_us = w->now_us + w->faults.delay_us;
    if (world_random(w, 100) < w->faults.reorder && !(w->faults.one_way && p->from != 0)) {
        on_way->at_us += world_random(w, w->faults.reorder_us);
    }
    if (world_random(w, 100) < w->faults.corrupt) {
        uint32_t bit = world_random(w, p->size * 8);
        on_way->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static bool is_lost(struct world *w, seat_id from, seat_id to) {
    bool lost = (w->lose & 1) || (to < 8 && (w->cut >> (from * 8 + to) & 1));

    w->lose >>= 1;
    return lost || world_random(w, 100) < w->faults.loss;
}

void link_emit(void *world, seat_id seat, struct datagram_head *head, const uint8_t *message,
               uint32_t message_bytes, struct frame_ref ref) {
    struct end *e = world;
    struct world *w = e->world;
    struct packet p = {.from = e->seat, .to = seat};
    uint32_t head_bytes = (uint32_t)sizeof(*head) + message_bytes;

    assert_ptr_equal(message, head + 1);
    assert_true(head_bytes + ref.bytes <= LINK_DATAGRAM_BYTES);
    head->cluster = 0x11;
    head->seat = e->seat;
    memcpy(p.bytes, head, head_bytes);
    p.size = head_bytes + ref.bytes;
    if (ref.bytes != 0) {
        memcpy(p.bytes + head_bytes, e->frame[ref.frame] + ref.offset, ref.bytes);
    }
    link_seal(p.bytes, head_bytes, p.bytes + head_bytes, ref.bytes);
    w->hash = mix64(w->hash ^ crc32_update(0, p.bytes, p.size) ^ w->now_us << 32);

    bool lost = is_lost(w, e->seat, seat);
    if (w->logged < LOG_MAX) {
        w->log[w->logged] = (struct sent){w->now_us,      e->seat,   seat,       head->kind,
                                          head->sequence, head->ack, head->sack, lost};
    }
    w->logged++;
    if (lost) {
        return;
    }
    put(w, &p);
    if (world_random(w, 100) < w->faults.dup) {
        put(w, &p);
    }
}

/* ---- what the link tells --------------------------------------------------------------------- */

bool link_deliver(void *world, seat_id seat, const uint8_t *bytes, uint32_t size) {
    struct end *e = world;

    assert_false(e->holds[seat]);
    bool taken = e->world->on_deliver == NULL || e->world->on_deliver(e, seat, bytes, size);
    e->delivered[seat] += taken;
    e->holds[seat] = !taken;
    return taken;
}

void link_acked(void *world, seat_id seat, uint32_t cookie, bool lost) {
    struct end *e = world;

    assert_int_not_equal(cookie, 0);
    e->last_cookie = cookie;
    if (lost) {
        e->lost[seat]++;
    } else {
        e->acked[seat]++;
    }
    if (e->world->on_acked != NULL) {
        e->world->on_acked(e, seat, cookie, lost);
    }
}

void link_silence(void *world, seat_id seat, bool silent) {
    struct end *e = world;

    assert_int_equal(e->silent[seat], !silent); /* told once each way */
    e->silent[seat] = silent;
}

/* ---- time ------------------------------------------------------------------------------------ */

void world_flush(struct end *e) {
    link_flush(e->ls, e->world->now_us, e);
    assert_true(link_deadline_us(e->ls) >= e->world->now_us);
}

void world_send(struct end *e, seat_id to, uint8_t first, uint32_t bytes, uint32_t cookie) {
    uint8_t message[LINK_MESSAGE_BYTES];

    memset(message, first, bytes);
    link_send(e->ls, to, message, bytes, (struct frame_ref){FRAME_NONE, 0, 0}, cookie);
    world_flush(e);
}

void world_resume(struct end *e, seat_id seat) {
    e->holds[seat] = false;
    link_resume(e->ls, seat, e->world->now_us, e);
    world_flush(e);
}

void world_arrive(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    if (!link_check(bytes, size)) {
        e->world->bad_crc++;
        return;
    }
    link_on_datagram(e->ls, from, bytes, size, e->world->now_us, e);
    world_flush(e);
}

static struct packet *first_packet(struct world *w) {
    struct packet *first = NULL;

    for (uint32_t i = 0; i < w->on_way; i++) {
        struct packet *p = &w->packet[i];
        bool sooner = first == NULL || p->at_us < first->at_us ||
                      (p->at_us == first->at_us && p->number < first->number);
        if (sooner) {
            first = p;
        }
    }
    return first;
}

static struct end *first_deadline(struct world *w) {
    struct end *first = &w->end[0];

    for (uint32_t i = 1; i < ENDS; i++) {
        if (link_deadline_us(w->end[i].ls) < link_deadline_us(first->ls)) {
            first = &w->end[i];
        }
    }
    return first;
}

bool world_next(struct world *w, uint64_t until_us) {
    struct packet *p = first_packet(w);
    struct end *e = first_deadline(w);
    uint64_t deadline = link_deadline_us(e->ls);

    if (p != NULL && p->at_us <= deadline && p->at_us <= until_us) {
        struct packet arrived = *p;
        *p = w->packet[--w->on_way];
        w->now_us = arrived.at_us > w->now_us ? arrived.at_us : w->now_us;
        world_arrive(&w->end[arrived.to], arrived.from, arrived.bytes, arrived.size);
        return true;
    }
    if (deadline > until_us) {
        return false;
    }
    w->now_us = deadline;
    link_tick(e->ls, w->now_us, e);
    world_flush(e);
    assert_true(link_deadline_us(e->ls) > w->now_us); /* else a world would spin */
    return true;
}

void world_run(struct world *w, uint64_t until_us) {
    while (world_next(w, until_us)) {
    }
    w->now_us = until_us;
}

void world_open(struct world *w) {
    for (seat_id i = 0; i < ENDS; i++) {
        for (seat_id j = 0; j < ENDS; j++) {
            link_open(w->end[i].ls, j);
        }
        world_flush(&w->end[i]);
    }
    world_run(w, w->now_us + 100000);
    w->logged = 0;
}

uint32_t world_sent(const struct world *w, uint8_t kind, seat_id from, seat_id to) {
    uint32_t n = 0;

    assert_true(w->logged <= LOG_MAX);
    for (uint32_t i = 0; i < w->logged; i++) {
        const struct sent *s = &w->log[i];
        n += (kind == 0 || s->kind == kind) && (from == SEAT_NONE || s->from == from) &&
             (to == SEAT_NONE || s->to == to);
    }
    return n;
}
