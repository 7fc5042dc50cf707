/* The owner's and the copy holder's part of the DSM: sends the page to the requester that the
 * manager names, drops copies, and lets both wait while a thread here has not yet used what it was
 * woken for [P 8.3]. */
#include "services/dsm_private.h"

/* Contents go out by reference in PAGE_PARTS messages; the frame is pinned until the receiver has
 * handled them. An ownership that is given away this way stays frozen here until then: the link's
 * ack is the receiver's confirmation of the transfer, since a message is acked only when its
 * handler has run [P 7.4]. */
void dsm_send_page(struct node *n, uint32_t row, const struct dsm_deferred *want,
                   enum access access, uint8_t flags) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    struct msg m;

    dsm_of(n)->counters.pages_out++;
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        uint32_t offset = part * (uint32_t)PAGE_PART_BYTES;
        uint32_t left = PAGE_BYTES - offset;
        struct frame_ref ref = {row, (uint16_t)offset,
                                (uint16_t)(left < PAGE_PART_BYTES ? left : PAGE_PART_BYTES)};

        job_msg_begin(n, &m, MSG_DSM_PAGE, key_make(SERVICE_DSM, p->job, p->page));
        m.head.seat = want->seat;
        m.head.op = want->op;
        m.head.version = want->version;
        m.dsm.birth = p->birth;
        m.dsm.access = (uint8_t)access;
        m.dsm.flags = flags;
        m.dsm.part = part;
        m.dsm.acks = want->acks;
        p->pins++;
        node_send_page(n, want->seat, &m, ref, row + 1);
    }
}

/* A thread here that waits to write the page keeps its row (WAIT_WRITE) and frame: newer contents
 * can only come when the receiver of these has told the manager DONE, so nothing that may have to
 * be sent again is overwritten. */
static void obey_fetch(struct node *n, uint32_t row, const struct dsm_deferred *want,
                       enum page_state next) {
    const struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    if (p->pins > PINS_MAX - PAGE_PARTS) {
        node_refuse(n, "a page is fetched again before its receivers have it", p->page, p->pins);
        return;
    }
    if (want->event == PEV_FETCH_WRITE) {
        dsm_page_unmap(n, row);
        dsm_send_page(n, row, want, ACCESS_WRITE, 0);
    } else {
        dsm_send_page(n, row, want, ACCESS_READ, 0);
    }
    if (next == PAGE_FREE) {
        dsm_page_free(n, row);
    } else if (next != PAGE_STATES) {
        dsm_page_set(n, row, next);
        dsm_page_map(n, row);
    }
}

static void send_inv_ack(struct node *n, job_id job, page_no page,
                         const struct dsm_deferred *want) {
    struct msg m;

    job_msg_begin(n, &m, MSG_DSM_INV_ACK, key_make(SERVICE_DSM, job, page));
    m.head.seat = want->seat;
    m.head.op = want->op;
    m.dsm.birth = want->birth;
    node_send(n, want->seat, &m);
}

static void obey_invalidate(struct node *n, uint32_t row, const struct dsm_deferred *want,
                            enum page_state next) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    job_id job = p->job;
    page_no page = p->page;

    dsm_of(n)->counters.invalidations++;
    dsm_page_unmap(n, row);
    if (next == PAGE_FREE) {
        dsm_page_free(n, row);
    } else {
        dsm_page_set(n, row, next);
    }
    send_inv_ack(n, job, page, want);
}

/* Does what the table says, now. */
static void obey(struct node *n, uint32_t row, const struct dsm_deferred *want) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    const struct page_rule *rule = &dsm_rule[want->event][p->state];

    switch (rule->action) {
    case ACT_SEND:
        obey_fetch(n, row, want, (enum page_state)rule->next);
        break;
    case ACT_ACK:
        if (rule->next == PAGE_STATES) {
            send_inv_ack(n, p->job, p->page, want);
        } else {
            obey_invalidate(n, row, want, (enum page_state)rule->next);
        }
        break;
    default:
        node_refuse(n, "a fetch or invalidation of a page in the wrong state", p->page, p->state);
    }
}

/* A page that is held obeys later. */
static void obey_or_defer(struct node *n, uint32_t row, const struct dsm_deferred *want) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    if (p->holds == 0) {
        obey(n, row, want);
        return;
    }
    if (p->deferred.event != 0xFF) {
        node_refuse(n, "two transactions of one page at once", p->page, want->op);
        return;
    }
    dsm_of(n)->counters.held++;
    trace(n, TR_PAGE_HELD, p->page, want->seat, 0, 0);
    p->deferred = *want;
}

void dsm_obey_deferred(struct node *n, uint32_t row) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    if (p->holds != 0 || p->deferred.event == 0xFF) {
        return;
    }
    struct dsm_deferred want = p->deferred;
    p->deferred.event = 0xFF;
    obey(n, row, &want);
}

static struct dsm_deferred wanted_by(const struct msg *m, enum page_event pev) {
    return (struct dsm_deferred){.event = (uint8_t)pev,
                                 .seat = m->head.seat,
                                 .acks = m->dsm.acks,
                                 .birth = m->dsm.birth,
                                 .op = m->head.op,
                                 .version = m->head.version};
}

/* The page's row here, if it is of the same area; else the message is a straggler of an unmapped
 * one. */
static uint32_t same_area_row(struct node *n, const struct msg *m) {
    struct dsm *d = dsm_of(n);
    uint32_t row = dsm_page_find(d, key_job(m->head.key), (page_no)key_index(m->head.key));

    return row != NIL && dsm_pages(d)[row].birth == m->dsm.birth ? row : NIL;
}

void dsm_on_fetch(struct node *n, const struct msg *m, const struct msg_from *from) {
    uint32_t row = same_area_row(n, m);
    enum page_event pev = m->dsm.access == ACCESS_WRITE ? PEV_FETCH_WRITE : PEV_FETCH_READ;

    if (m->head.seat == node_seat(n)) {
        node_refuse(n, "the owner is to send its page to itself", m->head.op, from->seat);
        return;
    }
    if (row == NIL) {
        return; /* unmapped meanwhile: the requester's row is gone as well */
    }
    struct dsm_deferred want = wanted_by(m, pev);
    obey_or_defer(n, row, &want);
}

void dsm_on_invalidate(struct node *n, const struct msg *m, const struct msg_from *from) {
    uint32_t row = same_area_row(n, m);
    struct dsm_deferred want = wanted_by(m, PEV_INVALIDATE);

    (void)from;
    if (row == NIL) {
        send_inv_ack(n, key_job(m->head.key), (page_no)key_index(m->head.key), &want);
        return;
    }
    obey_or_defer(n, row, &want);
}

/* One part of a page that was sent by reference has been handled by its receiver (or the link is
 * gone). */
void dsm_on_acked(struct node *n, uint32_t cookie, bool lost) {
    struct dsm *d = dsm_of(n);
    uint32_t row = cookie - 1;

    (void)lost;
    ASSERT(row < d->frames && dsm_pages(d)[row].pins > 0);
    dsm_pages(d)[row].pins--;
    if (dsm_pages(d)[row].pins != 0) {
        return;
    }
    if (dsm_pages(d)[row].state == PAGE_FROZEN) {
        dsm_page_free(n, row);
    } else {
        dsm_publish_acked(n, row);
    }
}
