/* Publish [P 8.5]: the owner of a page tells its manager that all members may have a copy; the
 * manager records the copies first, and the owner then sends the page to each that has none,
 * unasked. One transaction like any other, so the model does not change: no write of the page
 * begins before every receiver has handled its copy (the link's ack tells), hence a published page
 * is never an old one.
 *
 *   owner -PUBLISH-> manager -PUBLISH_OK(seats)-> owner -PAGE x 3-> each seat; all acked: -DONE->
 *   manager
 *
 * It is a hint. A manager that is busy with the page says "nobody"; a receiver that has no free
 * frame, or asks for the page itself at this moment, drops it; the copy set may be too large, never
 * too small. */
#include "services/dsm_private.h"

/* Publishes under way on a node: 16 x 3 parts x 15 members = 720 small messages of the link's pool
 * (limits.link_small). */
enum { PUBLISH_MAX = 16 };

/* Published parts carry the owner's number with this bit, so that no request of the receiver has
 * it. */
#define PUBLISH_OP 0x80000000u

/* ---- owner
 * -------------------------------------------------------------------------------------- */

static void publish_page(struct node *n, job_id job, page_no page) {
    struct dsm *d = dsm_of(n);
    uint32_t row = dsm_page_find(d, job, page);
    struct dsm_page *p = row != NIL ? &dsm_pages(d)[row] : NULL;
    struct msg m;

    if (p == NULL || (p->state != PAGE_WRITE && p->state != PAGE_OWNED) || p->publish_op != 0 ||
        d->publishes == PUBLISH_MAX) {
        return;
    }
    d->publishes++;
    p->publish_op = ++d->next_op & ~PUBLISH_OP;
    p->publishing = 0;
    job_msg_begin(n, &m, MSG_DSM_PUBLISH, key_make(SERVICE_DSM, job, page));
    m.head.op = p->publish_op;
    m.dsm.birth = p->birth;
    adaptation_send(n, &m);
}

void dsm_on_call_publish(struct node *n, const struct event_call *call) {
    job_id job = job_of_token(n, call->token);

    for (uint32_t i = 0; i < call->arg[1] && i < HOLD_MAX; i++) {
        publish_page(n, job, call->arg[0] + i);
    }
    node_wake(n, call->token, 0);
}

static void publish_over(struct dsm *d, struct dsm_page *p) {
    p->publish_op = 0;
    p->publishing = 0;
    d->publishes--;
}

void dsm_on_publish_ok(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct dsm *d = dsm_of(n);
    uint32_t row = dsm_page_find(d, key_job(m->head.key), (page_no)key_index(m->head.key));
    struct dsm_page *p = row != NIL ? &dsm_pages(d)[row] : NULL;
    seat_id seats[MEMBERS_MAX];
    uint32_t members = node_members(n, seats);

    (void)from;
    if (p == NULL || p->publish_op != m->head.op || p->publishing ||
        dsm_state_right((enum page_state)p->state) == ACCESS_NONE) {
        return; /* unmapped meanwhile */
    }
    for (uint32_t i = 0; i < members; i++) {
        bool chosen = (m->publish.seats[seats[i] / 32] & 1u << seats[i] % 32) != 0;
        if (chosen && seats[i] != node_seat(n) && p->pins <= PINS_MAX - PAGE_PARTS) {
            struct dsm_deferred to = {
                .seat = seats[i], .op = p->publish_op | PUBLISH_OP, .version = p->version};
            p->publishing = 1;
            dsm_send_page(n, row, &to, ACCESS_READ, DSM_PUBLISHED);
        }
    }
    if (!p->publishing) {
        publish_over(d, p); /* nobody, and the manager does not wait */
        return;
    }
    if (p->state == PAGE_WRITE) {
        dsm_page_set(n, row, PAGE_OWNED);
        dsm_page_map(n, row);
    }
}

void dsm_publish_acked(struct node *n, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];
    struct msg m;

    if (p->publish_op == 0 || !p->publishing) {
        return;
    }
    job_msg_begin(n, &m, MSG_DSM_DONE, key_make(SERVICE_DSM, p->job, p->page));
    m.head.op = p->publish_op;
    m.head.version = p->version;
    m.dsm.birth = p->birth;
    m.dsm.access = ACCESS_READ;
    publish_over(d, p);
    adaptation_send(n, &m);
}

/* ---- manager
 * ------------------------------------------------------------------------------------ */

/* Members that have no copy yet are recorded and named; true if there is one. */
static bool choose(struct node *n, struct dsm_entry *e, struct body_publish *body) {
    seat_id seats[MEMBERS_MAX];
    uint32_t members = node_members(n, seats);
    bool any = false;

    for (uint32_t i = 0; i < members; i++) {
        uint32_t word = seats[i] / 32, bit = 1u << seats[i] % 32;
        if (seats[i] != e->owner && (e->copies[word] & bit) == 0) {
            e->copies[word] |= bit;
            body->seats[word] |= bit;
            any = true;
        }
    }
    return any;
}

void dsm_on_publish(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct dsm_entry *e =
        dsm_entry_find(dsm_of(n), key_job(m->head.key), (page_no)key_index(m->head.key));
    struct msg ok;

    if (m->head.seat != from->seat) {
        node_refuse(n, "a publish in another node's name", m->head.seat, from->seat);
        return;
    }
    if (e == NULL || e->birth != m->dsm.birth) {
        return; /* unmapped meanwhile */
    }

    job_msg_begin(n, &ok, MSG_DSM_PUBLISH_OK, m->head.key);
    ok.head.op = m->head.op;
    memset(&ok.publish, 0, sizeof(ok.publish));
    ok.publish.birth = e->birth;
    bool idle = e->busy == ACCESS_NONE && e->first == NIL && e->owner == from->seat;
    if (idle && choose(n, e, &ok.publish)) {
        e->busy = ACCESS_READ;
        e->publishing = 1;
        e->busy_seat = from->seat;
        e->busy_op = m->head.op;
    }
    node_send(n, from->seat, &ok);
}

/* ---- receiver
 * ----------------------------------------------------------------------------------- */

/* A page that is here in any form, or asked for, needs nothing. A free frame is taken, never one
 * that a copy would have to leave. Its area is learnt when a thread touches it: until then it is
 * not mapped. */
uint32_t dsm_published_row(struct node *n, const struct msg *m) {
    struct dsm *d = dsm_of(n);
    job_id job = key_job(m->head.key);
    page_no page = (page_no)key_index(m->head.key);

    bool sound = m->dsm.part == 0 && m->dsm.access == ACCESS_READ && (m->head.op & PUBLISH_OP) != 0;

    if (!sound || d->free_page == NIL || dsm_page_find(d, job, page) != NIL) {
        return NIL;
    }
    uint32_t row = dsm_page_new(n, job, page);
    struct dsm_page *p = &dsm_pages(d)[row];
    dsm_page_set(n, row, PAGE_WAIT_READ);
    p->birth = m->dsm.birth;
    p->op = m->head.op;
    p->published = 1;
    return row;
}
