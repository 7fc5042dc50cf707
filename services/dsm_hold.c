/* Forward progress [P 8.3]: the pages that one thread's current instruction or call needs are a set
 * of wants; a page that has come is held until the thread ran, or for a random time that grows with
 * the thread's failures, so that two nodes that fight for a page both get on. Owns struct
 * dsm_thread. */
#include "services/dsm_private.h"

static uint32_t want_number(struct dsm *d, const struct dsm_want *w, token_no token) {
    return token * HOLD_MAX + (uint32_t)(w - dsm_threads(d)[token].want);
}

static struct dsm_want *want_of(struct dsm *d, uint32_t number) {
    return &dsm_threads(d)[number / HOLD_MAX].want[number % HOLD_MAX];
}

/* Takes the want out of its page's list. */
static void leave_row(struct dsm *d, struct dsm_want *w, token_no token) {
    uint32_t number = want_number(d, w, token);
    uint32_t *link = &dsm_pages(d)[w->row].wants;

    while (*link != number) {
        ASSERT(*link != NIL);
        link = &want_of(d, *link)->next;
    }
    *link = w->next;
}

void dsm_want_drop(struct node *n, struct dsm_want *w, token_no token) {
    struct dsm *d = dsm_of(n);
    struct dsm_thread *t = &dsm_threads(d)[token];

    if (w->state == WANT_WAITING || w->state == WANT_HELD) {
        leave_row(d, w, token);
    }
    if (w->state == WANT_WAITING || w->state == WANT_AREA) {
        t->waiting--;
    }
    bool held = w->state == WANT_HELD;
    w->state = WANT_NONE;
    if (held) {
        struct dsm_page *p = &dsm_pages(d)[w->row];
        ASSERT(p->holds > 0);
        p->holds--;
        dsm_obey_deferred(n, w->row);
    }
}

/* The thread's want for this page: the one that it has, else a free one, else its oldest hold gives
 * way (a call touches <= HOLD_MAX pages [D 3]: one that is not needed any more is among them). */
struct dsm_want *dsm_want_new(struct node *n, token_no token, job_id job, page_no page) {
    struct dsm_thread *t = &dsm_threads(dsm_of(n))[token];
    struct dsm_want *spare = NULL;

    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        struct dsm_want *w = &t->want[i];
        if (w->state != WANT_NONE && w->page == page && w->job == job) {
            return w;
        }
        if (w->state == WANT_NONE && (spare == NULL || spare->state != WANT_NONE)) {
            spare = w;
        } else if (w->state == WANT_HELD && spare == NULL) {
            spare = w;
        }
    }
    if (spare != NULL && spare->state == WANT_HELD) {
        dsm_want_drop(n, spare, token);
    }
    if (spare != NULL) {
        memset(spare, 0, sizeof(*spare));
        spare->job = job;
        spare->page = page;
        spare->row = NIL;
    }
    return spare;
}

/* The page is here: it is held from now on for this thread. The time runs anew with each page of
 * the set, since the thread cannot run before the last one has come. */
void dsm_want_held(struct node *n, token_no token, struct dsm_want *w) {
    struct dsm *d = dsm_of(n);
    struct dsm_thread *t = &dsm_threads(d)[token];
    uint32_t span = HOLD_MIN_US + node_random(n) % (HOLD_MAX_US - HOLD_MIN_US);
    uint32_t grown = span << (t->failures < 4 ? t->failures : 4);

    ASSERT(w->state == WANT_WAITING);
    w->state = WANT_HELD;
    t->waiting--;
    dsm_pages(d)[w->row].holds++;
    d->holders += t->hold_until_us == 0;
    t->hold_until_us = node_now_us(n) + grown;
    if (d->hold_least_us == 0 || t->hold_until_us < d->hold_least_us) {
        d->hold_least_us = t->hold_until_us;
    }
}

/* Usually the only holder: then no timer is needed any more. */
static void hold_over(struct dsm *d, struct dsm_thread *t) {
    if (t->hold_until_us != 0) {
        t->hold_until_us = 0;
        d->holders--;
        d->hold_least_us = d->holders == 0 ? 0 : d->hold_least_us;
    }
}

static void release_holds(struct node *n, token_no token) {
    struct dsm_thread *t = &dsm_threads(dsm_of(n))[token];

    hold_over(dsm_of(n), t);
    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        if (t->want[i].state == WANT_HELD) {
            dsm_want_drop(n, &t->want[i], token);
        }
    }
}

void dsm_on_ran(struct node *n, token_no token) {
    struct dsm_thread *t = &dsm_threads(dsm_of(n))[token];

    t->failures = 0;
    if (t->hold_until_us != 0) {
        release_holds(n, token);
    }
}

void dsm_hold_tick(struct node *n) {
    struct dsm *d = dsm_of(n);
    uint64_t least = 0;

    if (d->hold_least_us == 0 || d->hold_least_us > node_now_us(n)) {
        return;
    }
    for (token_no token = 0; token < d->threads; token++) {
        struct dsm_thread *t = &dsm_threads(d)[token];
        if (t->hold_until_us != 0 && t->hold_until_us <= node_now_us(n)) {
            t->failures++;
            d->counters.forced++;
            release_holds(n, token);
        }
        if (t->hold_until_us != 0 && (least == 0 || t->hold_until_us < least)) {
            least = t->hold_until_us;
        }
    }
    d->hold_least_us = least;
}

void dsm_token_gone(struct node *n, token_no token) {
    struct dsm_thread *t = &dsm_threads(dsm_of(n))[token];

    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        if (t->want[i].state != WANT_NONE) {
            dsm_want_drop(n, &t->want[i], token);
        }
    }
    ASSERT(t->waiting == 0);
    hold_over(dsm_of(n), t);
    memset(t, 0, sizeof(*t));
}
