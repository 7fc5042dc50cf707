/* The slots of a node's threads: their states, their calls, their timers, and the plug-in of the
 * service. Runs inside node_step(); never names a node. A slot's state changes in threads_set()
 * only. */
#include "services/dsm.h"
#include "services/sync.h"
#include "services/threads_private.h"

/* Bit t of row s: s -> t is legal. FREE is legal from everywhere (the job's end). */
#define TO(state) (1u << SLOT_##state)
static const uint32_t slot_legal[SLOT_STATES] = {
    [SLOT_FREE] = TO(BOOKED) | TO(READY),
    [SLOT_BOOKED] = TO(READY),
    [SLOT_READY] = TO(ASKED) | TO(HELD) | TO(SLEEP) | TO(FUTEX_ASKED) | TO(PLACING) |
                   TO(EXIT_WAKE) | TO(EXIT_END) | TO(ENDING),
    [SLOT_ASKED] = TO(READY),
    [SLOT_HELD] = TO(ASKED) | TO(MOVING),
    [SLOT_SLEEP] = TO(READY),
    [SLOT_FUTEX_ASKED] = TO(FUTEX_COMPARE) | TO(READY),
    [SLOT_FUTEX_COMPARE] = TO(FUTEX_WOKEN) | TO(FUTEX_WAIT) | TO(FUTEX_CANCEL),
    [SLOT_FUTEX_WOKEN] = TO(READY),
    [SLOT_FUTEX_WAIT] = TO(READY) | TO(FUTEX_CANCEL),
    [SLOT_FUTEX_CANCEL] = TO(READY),
    [SLOT_PLACING] = TO(READY) | TO(CLONE_TID) | TO(HELD) | TO(MOVING),
    [SLOT_CLONE_TID] = TO(HELD) | TO(MOVING),
    [SLOT_MOVING] = TO(READY) | TO(PLACING),
    [SLOT_EXIT_WAKE] = TO(EXIT_END),
    [SLOT_EXIT_END] = 0,
    [SLOT_ENDING] = 0,
};
static const char *const slot_names[SLOT_STATES] = {
    [SLOT_FREE] = "free",           [SLOT_BOOKED] = "booked",
    [SLOT_READY] = "ready",         [SLOT_ASKED] = "asked",
    [SLOT_HELD] = "held",           [SLOT_SLEEP] = "sleep",
    [SLOT_FUTEX_ASKED] = "futex",   [SLOT_FUTEX_COMPARE] = "futex compare",
    [SLOT_FUTEX_WOKEN] = "woken",   [SLOT_FUTEX_WAIT] = "futex wait",
    [SLOT_FUTEX_CANCEL] = "cancel", [SLOT_PLACING] = "clone: place",
    [SLOT_CLONE_TID] = "clone: tid", [SLOT_MOVING] = "clone: move",
    [SLOT_EXIT_WAKE] = "exit: wake", [SLOT_EXIT_END] = "exit",
    [SLOT_ENDING] = "job ends",
};

/* ---- slots ----------------------------------------------------------------------------------- */

struct thread_slot *threads_slot(struct node *n, token_no token) {
    struct threads *t = threads_of(n);

    return token < t->slots ? &threads_slots(t)[token] : NULL;
}

void threads_set(struct node *n, token_no token, enum slot_state state) {
    struct thread_slot *slot = threads_slot(n, token);

    ASSERT(slot != NULL && state < SLOT_STATES);
    ASSERT(state == SLOT_FREE || (slot_legal[slot->state] >> state & 1u) != 0);

    slot->state = (uint8_t)state;
    trace(n, TR_THREAD, slot->tid, slot->job, (uint32_t)state, token);
}

token_no threads_slot_take(struct node *n) {
    struct threads *t = threads_of(n);

    for (token_no token = 0; token < t->slots; token++) {
        if (threads_slots(t)[token].state == SLOT_FREE) {
            return token;
        }
    }
    return TOKEN_NONE;
}

void threads_slot_free(struct node *n, token_no token) {
    struct thread_slot *slot = threads_slot(n, token);

    if (slot->state != SLOT_BOOKED) {
        struct effect *e = node_effect(n, FX_THREAD_STOP);
        e->token = token;
        e->job = slot->job;
        e->value = slot->tid;
        dsm_token_gone(n, token);
    }
    threads_set(n, token, SLOT_FREE);
    memset(slot, 0, offsetof(struct thread_slot, bytes));
}

struct thread_slot *threads_waiting(struct node *n, const struct msg_head *head, token_no token,
                                    thread_id tid) {
    struct thread_slot *slot = threads_slot(n, token);
    bool is_ours = slot != NULL && slot->state > SLOT_READY && slot->tid == tid &&
                   slot->job == key_job(head->key) && slot->generation == head->generation &&
                   slot->op == head->op;

    return is_ours ? slot : NULL;
}

struct thread_slot *threads_call(struct node *n, const struct event_call *call) {
    struct thread_slot *slot = threads_slot(n, call->token);

    trace(n, TR_CALL, call->op, call->token, call->arg[0], call->arg[1]);
    if (slot == NULL || slot->state != SLOT_READY || call->size > CALL_BYTES_MAX) {
        node_refuse(n, "a call of a slot that is not ready", call->op, call->token);
        return NULL;
    }
    slot->call = call->op;
    slot->op++;
    slot->deadline_us = call->deadline_us;
    slot->size = call->size;
    memcpy(slot->arg, call->arg, sizeof(slot->arg));
    if (call->size != 0) {
        memcpy(slot->bytes, call->bytes, call->size);
    }
    return slot;
}

struct effect *threads_wake(struct node *n, token_no token, int32_t result) {
    struct thread_slot *slot = threads_slot(n, token);

    if (slot->state != SLOT_READY) { /* READY: the call was answered before it asked anybody */
        threads_set(n, token, SLOT_READY);
    }
    slot->call = CALL_NONE;
    struct effect *e = node_effect(n, FX_WAKE);

    e->token = token;
    e->job = slot->job;
    e->result = result;
    trace(n, TR_WAKE, token, (uint32_t)result, 0, 0);
    return e;
}

token_no threads_book(struct node *n, job_id job) {
    token_no token = threads_slot_take(n);

    if (token != TOKEN_NONE) {
        threads_slot(n, token)->job = job;
        threads_set(n, token, SLOT_BOOKED);
    }
    return token;
}

void threads_unbook(struct node *n, token_no token) {
    ASSERT(threads_slot(n, token)->state == SLOT_BOOKED);
    threads_slot_free(n, token);
}

/* ---- long messages --------------------------------------------------------------------------- */

bool threads_long_take(struct node *n) {
    struct threads *t = threads_of(n);

    if (t->long_used == LONG_MAX) {
        return false;
    }
    t->long_used++;
    return true;
}

/* The next HELD slot after the last one served: every one gets its turn. */
void threads_long_done(struct node *n) {
    struct threads *t = threads_of(n);

    ASSERT(t->long_used > 0);
    t->long_used--;
    for (uint32_t i = 1; i <= t->slots; i++) {
        token_no token = (t->held_hand + i) % t->slots;
        if (threads_slots(t)[token].state != SLOT_HELD) {
            continue;
        }
        t->held_hand = token;
        if (threads_slots(t)[token].call == CALL_CLONE) {
            threads_move(n, token);
        } else {
            job_write(n, token);
        }
        return;
    }
}

static void on_acked(struct node *n, uint32_t cookie, bool lost) {
    (void)cookie;
    (void)lost;
    threads_long_done(n);
}

/* ---- timers ---------------------------------------------------------------------------------- */

void threads_timer(struct node *n, uint64_t deadline_us) {
    struct threads *t = threads_of(n);

    t->timer_us = deadline_us < t->timer_us ? deadline_us : t->timer_us;
}

bool threads_timer_is_due(struct node *n) {
    return threads_of(n)->timer_us <= node_cluster_now_us(n);
}

uint64_t threads_local_us(const struct node *n, uint64_t cluster_us) {
    uint64_t ahead = node_cluster_now_us(n) - node_now_us(n); /* cluster time is never behind */

    if (cluster_us == UINT64_MAX) {
        return UINT64_MAX;
    }
    return cluster_us > ahead ? cluster_us - ahead : 0;
}

static uint64_t deadline_us(const struct node *n) {
    const struct threads *t = node_state_const(n, SERVICE_THREADS);

    return threads_local_us(n, t->timer_us);
}

static void on_sleep(struct node *n, const struct event_call *call) {
    if (threads_call(n, call) != NULL) {
        threads_set(n, call->token, SLOT_SLEEP);
        threads_timer(n, call->deadline_us);
    }
}

/* The last service to tick: what still waits for a time afterwards sets the next one. */
static void on_tick(struct node *n) {
    struct threads *t = threads_of(n);
    uint64_t now = node_cluster_now_us(n);

    if (!threads_timer_is_due(n)) {
        return;
    }
    t->timer_us = UINT64_MAX;
    for (token_no token = 0; token < t->slots; token++) {
        struct thread_slot *slot = &threads_slots(t)[token];
        if (slot->state == SLOT_SLEEP && slot->deadline_us <= now) {
            threads_wake(n, token, 0);
        } else if (slot->state == SLOT_SLEEP ||
                   (slot->state == SLOT_FUTEX_WAIT && slot->deadline_us != 0)) {
            threads_timer(n, slot->deadline_us);
        }
    }
}

/* ---- the plug-in ----------------------------------------------------------------------------- */

static uint32_t entries_for(const struct limits *limits) {
    return limits->threads * MEMBERS_MAX;
}

static uint32_t state_bytes(const struct limits *limits) {
    uint32_t bytes = (uint32_t)sizeof(struct threads);

    bytes += limits->threads * (uint32_t)sizeof(struct thread_slot);
    bytes += rows_bytes(entries_for(limits));
    return bytes + entries_for(limits) * (uint32_t)sizeof(struct thread_entry);
}

static void init(struct node *n, void *state, const struct limits *limits) {
    struct threads *t = state;

    (void)n;
    t->slots = limits->threads;
    t->slots_at = (uint32_t)sizeof(struct threads);
    t->index_at = t->slots_at + limits->threads * (uint32_t)sizeof(struct thread_slot);
    t->entries_at = t->index_at + rows_bytes(entries_for(limits));
    t->timer_us = UINT64_MAX;
    rows_init(threads_index(t), entries_for(limits));
}

static void on_event(struct node *n, const struct event *ev) {
    if (ev->type != EV_CALL) {
        return;
    }
    switch (ev->call.op) {
    case CALL_CLONE:
        threads_on_clone(n, &ev->call);
        break;
    case CALL_CLONE_GO:
        threads_on_clone_go(n, &ev->call);
        break;
    case CALL_EXIT:
        threads_on_exit(n, &ev->call);
        break;
    case CALL_KILL_THREAD:
        threads_on_kill(n, &ev->call);
        break;
    case CALL_SLEEP:
        on_sleep(n, &ev->call);
        break;
    default:
        break; /* another service's */
    }
}

static void on_message(struct node *n, const struct msg *m, const struct msg_from *from) {
    if (!job_is_current(n, m)) {
        return; /* a straggler of a job that is over */
    }
    switch (m->head.type) {
    case MSG_THREAD_PLACED:
        threads_on_placed(n, m);
        break;
    case MSG_THREAD_MOVE:
        threads_on_move(n, m, from);
        break;
    case MSG_THREAD_HERE:
        threads_on_here(n, m);
        break;
    case MSG_THREAD_AT:
        threads_on_at(n, m, from);
        break;
    case MSG_THREAD_ENDED:
        threads_on_ended(n, m);
        break;
    case MSG_THREAD_GONE:
        threads_on_gone(n, m, from);
        break;
    case MSG_THREAD_SIGNAL:
        threads_on_signal(n, m);
        break;
    case MSG_THREAD_ANSWER:
        threads_on_answer(n, m);
        break;
    default:
        node_refuse(n, "no message of the threads service", m->head.type, from->seat);
    }
}

/* Requests to managers go out again with the numbers they had. MOVE and AT do not: they go from
 * node to node, the link between two living nodes delivers them once, and a removed receiver makes
 * the thread lost [P 7.4]. */
static void resend(struct node *n) {
    struct threads *t = threads_of(n);

    for (token_no token = 0; token < t->slots; token++) {
        const struct thread_slot *slot = &threads_slots(t)[token];
        if (slot->state == SLOT_PLACING) {
            threads_place(n, token);
        } else if (slot->state == SLOT_EXIT_END) {
            threads_send_end(n, token);
        } else if (slot->state == SLOT_ASKED && slot->call == CALL_KILL_THREAD) {
            threads_send_signal(n, token);
        }
    }
}

static void on_job_close(struct node *n, job_id job) {
    struct threads *t = threads_of(n);

    for (token_no token = 0; token < t->slots; token++) {
        if (threads_slots(t)[token].state != SLOT_FREE && threads_slots(t)[token].job == job) {
            threads_slot_free(n, token);
        }
    }
    threads_entries_drop(n, job);
}

static bool busy(const struct node *n) {
    return threads_hosted(n, 0) != 0;
}

uint32_t threads_hosted(const struct node *n, job_id job) {
    const struct threads *t = node_state_const(n, SERVICE_THREADS);
    const struct thread_slot *slot = (const void *)((const uint8_t *)t + t->slots_at);
    uint32_t count = 0;

    for (token_no token = 0; token < t->slots; token++) {
        count += slot[token].state >= SLOT_READY && (job == 0 || slot[token].job == job);
    }
    return count;
}

bool threads_row(const struct node *n, uint32_t index, struct threads_row *row) {
    const struct threads *t = node_state_const(n, SERVICE_THREADS);
    const struct thread_slot *slot = (const void *)((const uint8_t *)t + t->slots_at);

    if (index >= t->slots) {
        return false;
    }
    slot += index;
    *row = (struct threads_row){
        .job = slot->job, .tid = slot->tid, .state = slot_names[slot->state], .call = slot->call};
    return true;
}

const struct service_ops threads_service = {
    .name = "threads",
    .state_bytes = state_bytes,
    .init = init,
    .on_message = on_message,
    .on_event = on_event,
    .on_tick = on_tick,
    .deadline_us = deadline_us,
    .resend = resend,
    .on_job_close = on_job_close,
    .busy = busy,
    .on_acked = on_acked,
};
