/* The node: one event in, its effects out. Owns the memory block, the order of a step (link, door,
 * handlers, loopback, acks) and the calls that services make. Pure; runs in the kernel's loop, in
 * the simulator and in unit tests. It never knows what a service does.
 *
 *   datagram -> link_check -> identity (member_judge) -> link -> msg_invalid -> service handler
 *   a handler's sends -> link (another node) or loopback ring (itself), drained before the step
 *   ends */
#include "adapt/node.h"
#include "net/link.h"

/* ---- the block ------------------------------------------------------------------------------ */

static uint32_t aligned(size_t bytes) {
    return ((uint32_t)bytes + 7u) & ~7u;
}

static struct link_config links_of(const struct limits *limits) {
    return (struct link_config){
        .peers = MEMBERS_MAX, .small = limits->link_small, .big = limits->link_big};
}

size_t node_size(const struct limits *limits) {
    struct link_config config = links_of(limits);
    size_t bytes = aligned(sizeof(struct node)) + aligned(link_size(&config));

    for (uint32_t i = 1; i < SERVICES; i++) {
        bytes += aligned(service_table[i]->state_bytes(limits));
    }
    return bytes;
}

struct node *node_init(void *mem, const struct limits *limits) {
    struct node *n = mem;
    struct link_config config = links_of(limits);

    memset(mem, 0, node_size(limits));
    n->limits = *limits;
    n->link_offset = aligned(sizeof(struct node));
    uint32_t offset = n->link_offset + aligned(link_size(&config));
    link_init((uint8_t *)mem + n->link_offset, &config);
    for (uint32_t i = 1; i < SERVICES; i++) {
        n->service_offset[i] = offset;
        service_table[i]->init(n, (uint8_t *)mem + offset, limits);
        offset += aligned(service_table[i]->state_bytes(limits));
    }
    n->bytes = offset;
    ASSERT(n->bytes == node_size(limits));
    return n;
}

static struct link_set *node_links(struct node *n) {
    return (struct link_set *)((uint8_t *)n + n->link_offset);
}

void *node_state(struct node *n, enum service_no service) {
    ASSERT(service > SERVICE_NONE && service < SERVICES);
    return (uint8_t *)n + n->service_offset[service];
}

const void *node_state_const(const struct node *n, enum service_no service) {
    ASSERT(service > SERVICE_NONE && service < SERVICES);
    return (const uint8_t *)n + n->service_offset[service];
}

/* ---- sending -------------------------------------------------------------------------------- */

void msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    memset(&m->head, 0, sizeof(m->head));
    memset(m->bytes, 0, msg_body_bytes((uint8_t)type) < 64 ? msg_body_bytes((uint8_t)type) : 64);
    m->head.type = (uint8_t)type;
    m->head.size = (uint16_t)msg_body_bytes((uint8_t)type);
    m->head.seat = node_seat(n);
    m->head.key = key;
}

static void loopback_put(struct node *n, const struct msg *m, uint32_t cookie) {
    struct loopback *l = &n->loopback;

    ASSERT(l->count < LOOPBACK_MAX);
    uint32_t i = (l->head + l->count++) % LOOPBACK_MAX;
    memcpy(&l->msg[i], m, sizeof(m->head) + m->head.size);
    l->cookie[i] = cookie;
}

void node_send_page(struct node *n, seat_id to, struct msg *m, struct frame_ref ref,
                    uint32_t cookie) {
    ASSERT(msg_way(m->head.type) == WAY_LINK);
    ASSERT(m->head.size <= MSG_BODY_MAX);
    trace(n, TR_SEND, m->head.type, to, (uint32_t)m->head.key, m->head.op);
    uint32_t tagged = cookie == 0 ? 0 : (uint32_t)msg_service(m->head.type) << 24 | cookie;

    ASSERT(cookie < 1u << 24);
    if (to == node_seat(n)) {
        ASSERT(ref.bytes == 0);
        loopback_put(n, m, tagged);
        return;
    }
    n->counters.sent++;
    link_send(node_links(n), to, m, (uint32_t)sizeof(m->head) + m->head.size, ref, tagged);
}

void node_send(struct node *n, seat_id to, struct msg *m) {
    node_send_page(n, to, m, (struct frame_ref){FRAME_NONE, 0, 0}, 0);
}

void adaptation_send(struct node *n, struct msg *m) {
    node_send(n, node_manager(n, m->head.key), m);
}

static uint32_t cluster_tag(const struct node *n) {
    const struct view *v = &n->member.view;
    uint64_t half[2];

    if (v->epoch == 0 || n->known_epoch == v->epoch) {
        return v->epoch == 0 ? 0 : n->known_tag;
    }
    memcpy(half, v->uuid, sizeof(half));
    return (uint32_t)mix64(half[0] ^ mix64(half[1])) | 1u;
}

static void know_view(struct node *n) {
    if (n->known_epoch != n->member.view.epoch) {
        n->known_seat = node_seat(n);
        n->known_tag = cluster_tag(n);
        n->known_epoch = n->member.view.epoch;
    }
}

/* Who sends: filled into every datagram, from the newest view. */
static void identify(struct node *n, struct datagram_head *head) {
    const struct view *v = &n->member.view;
    seat_id seat = node_seat(n);
    const struct view_member *self = view_by_seat(v, seat);
    uint64_t now = node_cluster_now_us(n);

    head->cluster = cluster_tag(n);
    head->epoch = v->epoch;
    head->seat = seat;
    head->incarnation = self != NULL ? self->incarnation : 0;
    head->time_low = (uint32_t)now;
    head->time_high = (uint16_t)(now >> 32);
}

static void emit(struct node *n, uint64_t to, struct datagram_head *head, const void *message,
                 uint32_t bytes) {
    struct effect *e = node_effect(n, FX_SEND);
    uint32_t size = (uint32_t)sizeof(*head) + bytes;

    identify(n, head);
    e->to = to;
    e->size = (uint16_t)size;
    e->datagram = size <= DATAGRAM_HEAD_MAX ? e->head : effect_room(node_fx(n), size);
    memcpy(e->datagram, head, sizeof(*head));
    if (bytes != 0) {
        memcpy(e->datagram + sizeof(*head), message, bytes);
    }
}

void node_send_direct(struct node *n, uint64_t to_mac, const struct msg *m) {
    struct datagram_head head = {.kind = KIND_DIRECT};

    ASSERT(msg_way(m->head.type) == WAY_DATAGRAM);
    trace(n, TR_SEND, m->head.type, SEAT_NONE, (uint32_t)m->head.key, m->head.op);
    emit(n, to_mac, &head, m, (uint32_t)sizeof(m->head) + m->head.size);
}

void link_emit(void *world, seat_id seat, struct datagram_head *head, const uint8_t *message,
               uint32_t message_bytes, struct frame_ref ref) {
    struct node *n = world;
    const struct view_member *peer = view_by_seat(&n->member.view, seat);

    if (peer == NULL) {
        return;
    }
    emit(n, peer->mac, head, message, message_bytes);
    struct effects *fx = node_fx(n);
    fx->list[fx->count - 1].ref = ref;
}

/* ---- receiving ------------------------------------------------------------------------------ */

static void drop(struct node *n, uint64_t *counter, uint32_t seat, enum door why) {
    (*counter)++;
    trace(n, TR_DROPPED, seat, (uint32_t)why, 0, 0);
}

static void dispatch(struct node *n, const struct msg *m, const struct msg_from *from) {
    enum service_no service = msg_service(m->head.type);

    trace(n, TR_RECV, m->head.type, from->seat, (uint32_t)m->head.key, m->head.op);
    if (service != SERVICE_NONE) {
        service_table[service]->on_message(n, m, from);
    }
}

/* Copies a message out of a datagram; the contents stay where they are. NULL or the reason to drop
 * it. */
static const char *decode(struct msg *m, struct msg_from *from, const uint8_t *bytes,
                          uint32_t size) {
    if (size < sizeof(m->head)) {
        return "shorter than a message's head";
    }
    memcpy(&m->head, bytes, sizeof(m->head));
    if (m->head.size > MSG_BODY_MAX || m->head.size > size - sizeof(m->head)) {
        return "body longer than the datagram";
    }
    memcpy(m->bytes, bytes + sizeof(m->head), m->head.size);
    from->contents = bytes + sizeof(m->head) + m->head.size;
    from->contents_bytes = size - (uint32_t)sizeof(m->head) - m->head.size;
    return msg_invalid(m, from->contents_bytes);
}

/* A datagram that came early lies in the link's memory, which the step may use again before the
 * effects are performed: its contents move to where effects' bytes live. */
static void keep_contents(struct node *n, struct msg_from *from) {
    uint8_t *room = effect_room(node_fx(n), from->contents_bytes);

    memcpy(room, from->contents, from->contents_bytes);
    from->contents = room;
}

static bool in_event(const struct node *n, const uint8_t *bytes) {
    return (uint64_t)(uintptr_t)bytes - n->scratch_event < DATAGRAM_BYTES_MAX;
}

/* A message to itself is handled after the handler that sent it, in order, and before the next
 * message of a peer: so the ring holds what one message makes, not what a window of them does.
 * Bounded: a chain of self-messages ends, since each is an answer to a request of the same step. */
static void loopback_drain(struct node *n) {
    struct loopback *l = &n->loopback;
    struct msg_from from = {.seat = node_seat(n)};

    for (uint32_t handled = 0; l->count != 0; handled++) {
        ASSERT(handled < EFFECTS_MAX);
        struct msg m;
        const struct msg *stored = &l->msg[l->head];
        uint32_t cookie = l->cookie[l->head];

        memcpy(&m, stored, sizeof(stored->head) + stored->head.size);
        l->head = (l->head + 1) % LOOPBACK_MAX;
        l->count--;
        dispatch(n, &m, &from);
        if (cookie != 0) {
            link_acked(n, from.seat, cookie, false);
        }
    }
}

static bool is_member(const struct node *n, seat_id seat) {
    return view_by_seat(&n->member.view, seat) != NULL;
}

/* Handlers answer to the seats that a message names: each is a member's. A message of a newer epoch
 * is judged when its view is here. */
static const char *seats_invalid(const struct node *n, const struct msg *m) {
    seat_id named = msg_body_seat(m);

    if (!is_member(n, m->head.seat)) {
        return "asks in the name of a seat that is nobody's";
    }
    return named == SEAT_NONE || is_member(n, named) ? NULL : "names a seat that is nobody's";
}

bool link_deliver(void *world, seat_id seat, const uint8_t *bytes, uint32_t size) {
    struct node *n = world;
    struct msg_from from = {.seat = seat};
    struct msg m;
    const char *reason = decode(&m, &from, bytes, size);

    if (reason == NULL && msg_way(m.head.type) != WAY_LINK) {
        reason = "comes beside the links only";
    }
    bool is_short = link_is_short(node_links(n));
    if (reason == NULL && (n->hold[seat] != 0 || is_short)) {
        n->counters.held++;
        n->held_short |= is_short;
        return false; /* of a newer epoch [D 6.5], or no room: stays in the sender's window */
    }
    if (reason == NULL) {
        reason = seats_invalid(n, &m);
    }
    if (reason != NULL) {
        n->counters.bad_message++;
        node_refuse(n, reason, m.head.type, seat);
        return true;
    }
    n->counters.received++;
    if (from.contents_bytes != 0 && !in_event(n, bytes)) {
        keep_contents(n, &from);
    }
    dispatch(n, &m, &from);
    loopback_drain(n);
    return true;
}

void link_acked(void *world, seat_id seat, uint32_t cookie, bool lost) {
    struct node *n = world;
    enum service_no service = (enum service_no)(cookie >> 24);

    (void)seat;
    if (service > SERVICE_NONE && service < SERVICES && service_table[service]->on_acked != NULL) {
        service_table[service]->on_acked(n, cookie & 0xFFFFFFu, lost);
    }
}

void link_silence(void *world, seat_id seat, bool silent) {
    struct node *n = world;
    const struct view_member *peer = view_by_seat(&n->member.view, seat);

    node_report(n, silent ? REPORT_SILENT : REPORT_HEARD, seat, 0, 0,
                peer != NULL ? peer->name : "?");
}

/* The sender's cluster time: what this node shows a program is never earlier [P 9.9]. A jump of
 * more than a day is no time. */
static void learn_time(struct node *n, const struct datagram_head *head) {
    uint64_t theirs = (uint64_t)head->time_high << 32 | head->time_low;
    uint64_t ours = node_cluster_now_us(n);

    if (theirs > ours && theirs - ours < 86400000000ull) {
        n->time_offset_us += theirs - ours;
    }
}

static void on_direct(struct node *n, const struct datagram_head *head, const struct event *ev) {
    struct msg_from from = {.seat = head->seat};
    struct msg m;
    const char *reason = decode(&m, &from, ev->datagram.bytes + sizeof(*head),
                                ev->datagram.size - (uint32_t)sizeof(*head));

    if (reason == NULL && msg_way(m.head.type) != WAY_DATAGRAM) {
        reason = "belongs to a link";
    }
    if (reason != NULL) {
        n->counters.bad_message++;
        node_refuse(n, reason, m.head.type, head->seat);
        return;
    }
    trace(n, TR_RECV, m.head.type, head->seat, (uint32_t)m.head.key, m.head.op);
    member_on_message(n, &m, ev->datagram.from);
}

static void on_datagram(struct node *n, const struct event *ev) {
    struct datagram_head head;

    if (ev->datagram.from == n->self.mac) {
        return; /* our own multicast, come back */
    }
    if (ev->datagram.size < sizeof(head) || !link_check(ev->datagram.bytes, ev->datagram.size)) {
        drop(n, &n->counters.bad_crc, SEAT_NONE, DOOR_OK);
        return;
    }
    memcpy(&head, ev->datagram.bytes, sizeof(head));
    if (head.kind == KIND_DIRECT) {
        on_direct(n, &head, ev);
        return;
    }
    enum door door =
        head.cluster != cluster_tag(n)
            ? DOOR_OTHER_CLUSTER
            : member_judge(n, &head.seat, head.incarnation, head.epoch, ev->datagram.from);

    if (door == DOOR_NEWER_EPOCH) {
        n->hold[head.seat] = 1; /* its acks count, its messages wait for the view [P 7.2] */
    } else if (door != DOOR_OK) {
        drop(n, door == DOOR_OTHER_CLUSTER ? &n->counters.bad_cluster : &n->counters.bad_sender,
             head.seat, door);
        return;
    }
    learn_time(n, &head);
    link_on_datagram(node_links(n), head.seat, ev->datagram.bytes, ev->datagram.size, n->now_us, n);
}

/* ---- views ---------------------------------------------------------------------------------- */

bool node_link_open(struct node *n, seat_id seat) {
    if (seat == node_seat(n) || link_is_open(node_links(n), seat)) {
        return true;
    }
    link_open(node_links(n), seat);
    return false;
}

static void resume_all(struct node *n) {
    for (seat_id seat = 0; seat < MEMBERS_MAX; seat++) {
        link_resume(node_links(n), seat, n->now_us, n);
    }
}

static void resend_all(struct node *n) {
    for (uint32_t i = 1; i < SERVICES; i++) {
        if (service_table[i]->resend != NULL) {
            service_table[i]->resend(n);
        }
    }
}

void node_view_installed(struct node *n) {
    const struct view *v = &n->member.view;
    struct link_set *ls = node_links(n);

    for (seat_id seat = 0; seat < MEMBERS_MAX; seat++) {
        const struct view_member *peer = view_by_seat(v, seat);
        if (peer == NULL || seat == node_seat(n)) {
            link_drop_peer(ls, seat, n);
        } else {
            link_set_peer(ls, seat, peer->nonce, n);
        }
    }
    memset(n->hold, 0, sizeof(n->hold));
    resume_all(n);
    resend_all(n);
}

/* ---- one step ------------------------------------------------------------------------------- */

static void on_start(struct node *n, const struct event_start *start) {
    n->self = *start;
    n->random = mix64(start->nonce ^ 0x4C69737365ull) | 1u;
    link_set_self(node_links(n), start->nonce);
    trace(n, TR_START, (uint32_t)start->mac, start->expect, 0, 0);
    member_start(n);
}

static void on_local(struct node *n, const struct event *ev) {
    if (ev->type == EV_CALL && ev->call.op == CALL_JOIN) {
        member_join(n);
        return;
    }
    for (uint32_t i = 1; i < SERVICES; i++) {
        if (service_table[i]->on_event != NULL) {
            service_table[i]->on_event(n, ev);
        }
    }
}

static void on_tick(struct node *n) {
    member_tick(n);
    link_tick(node_links(n), n->now_us, n);
    for (uint32_t i = 1; i < SERVICES; i++) {
        if (service_table[i]->on_tick != NULL) {
            service_table[i]->on_tick(n);
        }
    }
}

static void step_begin(struct node *n, uint64_t now_us, struct effects *fx) {
    fx->count = 0;
    fx->arena_used = 0;
    n->scratch_fx = (uint64_t)(uintptr_t)fx;
    n->scratch_event = 0;
    ASSERT(now_us >= n->now_us);
    n->now_us = now_us;
    know_view(n);
}

static void step_end(struct node *n) {
    loopback_drain(n);
    if (n->held_short && !link_is_short(node_links(n))) {
        n->held_short = 0;
        resume_all(n);
    }
    link_flush(node_links(n), n->now_us, n);
    n->scratch_fx = 0;
}

void node_step(struct node *n, const struct event *ev, struct effects *fx) {
    step_begin(n, ev->now_us, fx);
    n->scratch_event = ev->type == EV_DATAGRAM ? (uint64_t)(uintptr_t)ev->datagram.bytes : 0;

    switch (ev->type) {
    case EV_START:
        on_start(n, ev->start);
        break;
    case EV_DATAGRAM:
        on_datagram(n, ev);
        break;
    case EV_FAULT:
    case EV_CALL:
    case EV_RAN:
        on_local(n, ev);
        break;
    case EV_TICK:
        on_tick(n);
        break;
    default:
        ASSERT(ev->type == EV_NONE); /* no such event */
    }
    step_end(n);
}

void node_resend(struct node *n, uint64_t now_us, struct effects *fx) {
    step_begin(n, now_us, fx);
    resend_all(n);
    step_end(n);
}

uint64_t node_deadline_us(const struct node *n) {
    const struct link_set *ls = (const struct link_set *)((const uint8_t *)n + n->link_offset);
    uint64_t least = member_deadline_us(n);
    uint64_t link = link_deadline_us(ls);

    least = link < least ? link : least;
    for (uint32_t i = 1; i < SERVICES; i++) {
        if (service_table[i]->deadline_us != NULL) {
            uint64_t wanted = service_table[i]->deadline_us(n);
            least = wanted < least ? wanted : least;
        }
    }
    return least;
}
