/* The random programs of jobs_program.h. A thread is a little machine: READY threads take their next action when the
 * dice say so, BLOCKED ones wait for FX_WAKE. `word` is the program's memory, sequentially consistent by construction;
 * what is under test is who sleeps, who is woken, and when. */
#include "tests/unit/jobs_program.h"

enum thread_state { T_NONE, T_READY, T_BLOCKED, T_FAULT, T_COMPARE, T_GONE };
enum step { S_CLONE, S_WORK, S_LOCK, S_LOCKED, S_BARRIER, S_MAP, S_JOIN, S_EXIT };

enum {
    THREADS_SEEN = 400,
    WINDOW_PAGES = 48,
    WINDOW_FIRST = 0x20000,
    LOCK = 0x1000,            /* addresses of words */
    BARRIER = 0x2000,
    TID_WORDS = 0x3000,       /* clear_child_tid of each thread */
    STATUS = 7 << 8,
};

struct thread {
    enum thread_state state;
    enum step step;
    uint32_t number, node;
    token_no token;
    thread_id tid;
    uint32_t rounds, children, joined;
    uint32_t child[THREADS_SEEN]; /* numbers */
    bool refused;                 /* clone: EAGAIN */
    bool woke;                    /* `result` of the last call is to be looked at */
    int32_t result;
    uint32_t call, arg[5];
    uint64_t deadline_us;
    uint32_t generation;          /* of the barrier it waits at */
    page_no fault_page;
    enum access fault_access;
    uint8_t window[WINDOW_PAGES]; /* prot, 0xFF: unmapped */
};

static struct thread threads[THREADS_SEEN];
static uint32_t thread_count, alive, holders, born;
static uint32_t word[0x4000];
static uint32_t arrived[512], serials[512];
static uint32_t output_bytes, written_bytes;
static const struct program_plan *plan;
static job_id job;
static bool started, exited;
static int32_t status;

/* ---- the world's side -------------------------------------------------------------------------------- */

static struct thread *thread_at(uint32_t node, token_no token) {
    for (uint32_t i = 0; i < thread_count; i++) {
        struct thread *t = &threads[i];
        if (t->state != T_GONE && t->node == node && t->token == token) {
            return t;
        }
    }
    fail_msg("no thread in slot %u of node %u", token, node);
    return NULL;
}

static void on_start(struct node *n, const struct effect *e) {
    assert_true(thread_count < THREADS_SEEN);
    struct thread *t = &threads[thread_count];

    for (uint32_t i = 0; i < thread_count; i++) {
        assert_true(threads[i].tid != e->value); /* no tid twice */
    }
    memset(t, 0, sizeof(*t));
    memset(t->window, 0xFF, sizeof(t->window));
    t->state = T_READY;
    t->number = thread_count++;
    t->node = n->index;
    t->token = e->token;
    t->tid = e->value;
    t->rounds = plan->rounds;
    t->step = e->size == 0 || plan->mode == MODE_CLONE ? S_CLONE : S_WORK;
    if (e->size != 0) { /* the record names the parent and the child's number in its family */
        uint32_t record[2];
        assert_int_equal(e->size, 64);
        memcpy(record, e->bytes, sizeof(record));
        threads[record[0]].child[record[1]] = t->number;
    }
    word[TID_WORDS + t->number] = t->tid;
    alive++;
}

static void on_wake(struct node *n, const struct effect *e) {
    struct thread *t = thread_at(n->index, e->token);

    assert_int_equal(t->state, T_BLOCKED);
    t->state = T_READY;
    t->woke = true;
    t->result = e->result;
    if (t->call == CALL_READ_IN && e->result > 0) {
        assert_int_equal(e->size, e->result);
        for (uint32_t i = 0; i < e->size; i++) {
            assert_int_equal(e->bytes[i], 0x5A);
        }
    }
}

static uint32_t ticket, ticket_node, ticket_most;

static void on_effect(struct node *n, const struct effect *e) {
    switch (e->type) {
    case FX_JOB_STARTED:
        assert_int_equal(e->result, 0);
        assert_int_equal(e->value, 77);
        job = e->job;
        started = true;
        break;
    case FX_THREAD_START:
        on_start(n, e);
        break;
    case FX_WAKE:
        on_wake(n, e);
        break;
    case FX_FUTEX_COMPARE:
        assert_int_equal(thread_at(n->index, e->token)->state, T_BLOCKED);
        thread_at(n->index, e->token)->state = T_COMPARE;
        break;
    case FX_THREAD_STOP:
        thread_at(n->index, e->token)->state = T_GONE;
        alive--;
        break;
    case FX_OUTPUT:
        assert_int_equal(e->value, 1);
        output_bytes += e->size;
        break;
    case FX_INPUT_WANTED:
        assert_int_equal(ticket, 0);
        ticket = e->value;
        ticket_node = n->index;
        ticket_most = e->value2;
        break;
    case FX_JOB_EXIT:
        assert_false(exited);
        assert_int_equal(e->value, 77);
        exited = true;
        status = e->result;
        break;
    default:
        break;
    }
}

static void call(struct thread *t, uint32_t op, const struct event_call *more) {
    struct event_call c = *more;

    c.op = op;
    c.token = t->token;
    t->call = op;
    t->deadline_us = c.deadline_us;
    memcpy(t->arg, c.arg, sizeof(t->arg));
    t->state = T_BLOCKED;
    world_call(t->node, &c);
}
#define THREAD_CALL(t, op, ...) call(t, op, &(struct event_call){__VA_ARGS__})

/* ---- futex users ------------------------------------------------------------------------------------- */

static void futex_wait(struct thread *t, uint32_t address, uint32_t value) {
    uint64_t deadline = 0;

    if (word[address] != value && world_dice(2) == 0) {
        return; /* as prepare finds out, with no message [P 9.3] */
    }
    if (plan->mode == MODE_MUTEX && t->number % 3 == 1) {
        deadline = w.now_us + w.ahead_us + world_dice(300);
        deadline = deadline == 0 ? 1 : deadline;
    }
    t->arg[2] = value;
    THREAD_CALL(t, CALL_FUTEX_WAIT, .arg = {address * 4, 0xFFFFFFFFu, value},
                .deadline_us = deadline);
}

static void compare(struct thread *t) {
    bool equal = word[t->arg[0] / 4] == t->arg[2];

    t->state = T_BLOCKED;
    world_call(t->node, &(struct event_call){
                            .op = CALL_FUTEX_COMPARED, .token = t->token, .arg = {equal}});
}

static void check_futex_result(const struct thread *t) {
    if (t->result == -ERR_TIMED_OUT) {
        assert_true(t->deadline_us != 0 && t->deadline_us <= w.now_us + w.ahead_us);
    } else {
        assert_true(t->result == 0 || t->result == -ERR_AGAIN);
    }
}

/* A mutex of three values: 0 free, 1 held, 2 held and perhaps waited for. */
static void lock(struct thread *t) {
    if (t->woke) {
        check_futex_result(t);
    }
    if (word[LOCK] == 0) {
        word[LOCK] = t->woke ? 2 : 1;
        t->woke = false;
        t->step = S_LOCKED;
        assert_int_equal(holders++, 0);
        return;
    }
    word[LOCK] = 2;
    futex_wait(t, LOCK, 2);
}

static void unlock(struct thread *t) {
    uint32_t old = word[LOCK];

    assert_int_equal(holders--, 1);
    word[LOCK] = 0;
    t->step = S_WORK;
    t->rounds--;
    if (old == 2) {
        THREAD_CALL(t, CALL_FUTEX_WAKE, .arg = {LOCK * 4, 1, 0xFFFFFFFFu});
    }
}

static void barrier(struct thread *t) {
    if (!t->woke) {
        t->generation = plan->rounds - t->rounds;
        arrived[t->generation]++;
        THREAD_CALL(t, CALL_BARRIER, .arg = {BARRIER * 4, plan->threads});
        return;
    }
    t->woke = false;
    assert_true(t->result == 0 || t->result == 1);
    assert_int_equal(arrived[t->generation], plan->threads);
    serials[t->generation] += (uint32_t)t->result;
    assert_true(serials[t->generation] <= 1);
    t->rounds--;
    t->step = S_WORK;
}

/* ---- map --------------------------------------------------------------------------------------------- */

static page_no window_of(const struct thread *t) {
    return WINDOW_FIRST + t->number * WINDOW_PAGES;
}

/* No node's cache gives more than the window's owner has left there. */
static void check_caches(const struct thread *t) {
    for (uint32_t i = 0; i < plan->nodes; i++) {
        const struct job_local *l = job_local_find(&w.node[i], job);
        for (uint32_t p = 0; p < WINDOW_PAGES && l != NULL; p++) {
            const struct area *a = area_find(&l->areas, window_of(t) + p);
            enum access most = t->window[p] == 0xFF ? ACCESS_NONE : area_most(t->window[p]);
            assert_true(a == NULL || area_most(a->prot) <= most);
            assert_true(a == NULL || t->window[p] != 0xFF);
        }
    }
}

static void map_done(struct thread *t) {
    uint32_t first = t->arg[1] / PAGE_BYTES - window_of(t);
    uint32_t pages = t->arg[2] / PAGE_BYTES;

    t->woke = false;
    if (t->arg[0] == MAP_MPROTECT && t->result == -ERR_NO_MEMORY) {
        bool hole = false;
        for (uint32_t p = first; p < first + pages; p++) {
            hole = hole || t->window[p] == 0xFF;
        }
        assert_true(hole);
    } else if (t->arg[0] == MAP_MMAP) {
        assert_int_equal(t->result, (int32_t)t->arg[1]);
        memset(&t->window[first], (int)t->arg[3], pages);
    } else {
        assert_int_equal(t->result, 0);
        memset(&t->window[first], t->arg[0] == MAP_MUNMAP ? 0xFF : (int)t->arg[3], pages);
    }
    check_caches(t);
    t->step = S_WORK;
}

/* A fault of the thread in its own window, which nobody else changes: the answer must be the model's. */
static void fault(struct thread *t) {
    struct area_info info;
    uint8_t prot = t->window[t->fault_page - window_of(t)];
    bool allowed = prot != 0xFF && area_most(prot) >= t->fault_access;
    enum area_answer answer =
        job_area_check(&w.node[t->node], job, t->fault_page, t->fault_access, &info);

    t->state = answer == AREA_ASKED ? T_FAULT : T_READY;
    if (answer == AREA_YES) {
        assert_true(allowed);
        assert_true(info.first <= t->fault_page && t->fault_page - info.first < info.pages);
    } else if (answer == AREA_NO) {
        assert_false(allowed);
    }
}

static void on_area(struct node *n, job_id of, page_no page) {
    assert_int_equal(of, job);
    for (uint32_t i = 0; i < thread_count; i++) {
        struct thread *t = &threads[i];
        if (t->state == T_FAULT && t->node == n->index && t->fault_page == page) {
            fault(t);
        }
    }
}

static bool in_world; /* faults are begun inside a step: job_area_check may send */

static void map(struct thread *t) {
    static const uint32_t ops[] = {MAP_MMAP, MAP_MUNMAP, MAP_MPROTECT};
    uint32_t first = world_dice(WINDOW_PAGES);
    uint32_t pages = 1 + world_dice(WINDOW_PAGES - first);

    if (t->woke) {
        map_done(t);
        return;
    }
    t->rounds--;
    if (world_dice(3) != 0) {
        t->fault_page = window_of(t) + first;
        t->fault_access = world_dice(2) == 0 ? ACCESS_READ : ACCESS_WRITE;
        t->state = T_FAULT;
        in_world = true;
        world_tick(t->node); /* a step, in which on_tick of the DSM's double looks at new faults */
        t->step = S_WORK;
        return;
    }
    THREAD_CALL(t, CALL_MAP,
                .arg = {ops[world_dice(3)], (window_of(t) + first) * PAGE_BYTES,
                        pages * PAGE_BYTES, world_dice(4), MAP_FLAG_FIXED});
}

static void on_dsm_tick(struct node *n) {
    for (uint32_t i = 0; i < thread_count && in_world; i++) {
        if (threads[i].state == T_FAULT && threads[i].node == n->index) {
            fault(&threads[i]);
        }
    }
    in_world = false;
}

/* ---- births, streams, the end --------------------------------------------------------------------------- */

static void clone(struct thread *t) {
    uint8_t record[64] = {0};
    bool enough;

    if (t->woke && t->result > 0) {
        struct thread *child = &threads[t->child[t->children++]];
        assert_int_equal(child->tid, t->result); /* it is there before its parent knows */
    } else if (t->woke) {
        assert_int_equal(t->result, -ERR_AGAIN); /* every slot is taken */
        t->refused = true;
    }
    t->woke = false;
    enough = plan->mode == MODE_CLONE ? t->refused || born >= plan->threads || world_dice(3) == 0
                                      : t->children == plan->threads;
    uint32_t names[2] = {t->number, t->children};

    if (enough) {
        t->step = t->number == 0 && plan->mode != MODE_CLONE ? S_JOIN : S_WORK;
        return;
    }
    born++;
    memcpy(record, names, sizeof(names));
    THREAD_CALL(t, CALL_CLONE, .bytes = record, .size = sizeof(record));
}

static void stream(struct thread *t) {
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t size = 1 + world_dice(CALL_BYTES_MAX);

    if (t->woke && t->call == CALL_WRITE_OUT) {
        assert_true(t->result > 0);
        written_bytes += (uint32_t)t->result;
    }
    t->woke = false;
    t->rounds--;
    memset(bytes, 0x33, sizeof(bytes));
    if (world_dice(2) == 0) {
        THREAD_CALL(t, CALL_READ_IN, .arg = {size});
    } else {
        THREAD_CALL(t, CALL_WRITE_OUT, .arg = {1}, .bytes = bytes, .size = size);
    }
}

static void join(struct thread *t) {
    if (t->woke) {
        check_futex_result(t);
        t->woke = false;
    }
    if (t->joined == t->children) {
        t->step = S_EXIT;
        return;
    }
    uint32_t address = TID_WORDS + t->child[t->joined];

    if (word[address] == 0) {
        t->joined++;
        return;
    }
    futex_wait(t, address, word[address]);
}

static void leave(struct thread *t) {
    word[TID_WORDS + t->number] = 0;
    if (t->number == 0 && !plan->exit_plainly) {
        THREAD_CALL(t, CALL_EXIT_GROUP, .arg = {STATUS});
        return;
    }
    THREAD_CALL(t, CALL_EXIT, .arg = {STATUS, (TID_WORDS + t->number) * 4});
}

static void work(struct thread *t) {
    static const enum step next[MODES] = {S_LOCK, S_BARRIER, S_MAP, S_WORK, S_WORK};

    if (t->call == CALL_FUTEX_WAKE && t->woke) {
        assert_true(t->result == 0 || t->result == 1);
        t->woke = false;
    }
    if (t->rounds == 0) {
        if (plan->mode == MODE_STREAM && t->woke && t->call == CALL_WRITE_OUT) {
            written_bytes += (uint32_t)t->result;
        }
        t->woke = false;
        t->step = t->children != 0 ? S_JOIN : S_EXIT;
        return;
    }
    t->step = next[plan->mode];
    if (plan->mode == MODE_CLONE) {
        t->rounds = 0;
    } else if (plan->mode == MODE_STREAM) {
        stream(t);
    }
}

static void act(struct thread *t) {
    static void (*const steps[])(struct thread *t) = {
        [S_CLONE] = clone, [S_WORK] = work, [S_LOCK] = lock, [S_LOCKED] = unlock,
        [S_BARRIER] = barrier, [S_MAP] = map, [S_JOIN] = join, [S_EXIT] = leave,
    };

    steps[t->step](t);
}

static void give_input(void) {
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t size = world_dice(4) == 0 ? ticket_most : world_dice(ticket_most) + 1;
    uint32_t used = ticket;

    memset(bytes, 0x5A, sizeof(bytes));
    ticket = 0;
    size = world_dice(40) == 0 ? 0 : size;
    world_call(ticket_node, &(struct event_call){.op = CALL_INPUT,
                                                 .token = TOKEN_NONE,
                                                 .arg = {used},
                                                 .bytes = bytes,
                                                 .size = size});
}

/* One thing happens: a thread acts, a message comes, a word is compared, input is typed. False: nothing can. */
static bool happen(void) {
    struct thread *able[THREADS_SEEN];
    uint32_t count = 0;

    for (uint32_t i = 0; i < thread_count; i++) {
        if (threads[i].state == T_READY || threads[i].state == T_COMPARE) {
            able[count++] = &threads[i];
        }
    }
    if (ticket != 0 && world_dice(8) == 0) {
        give_input();
        return true;
    }
    if (count != 0 && (world_waiting() == 0 || world_dice(3) == 0)) {
        struct thread *t = able[world_dice(count)];
        if (t->state == T_COMPARE) {
            compare(t);
        } else {
            act(t);
        }
        return true;
    }
    if (world_deliver_any()) {
        w.now_us += world_dice(20);
        return true;
    }
    return ticket != 0 || world_sleep();
}

static void reset(const struct program_plan *p) {
    plan = p;
    memset(threads, 0, sizeof(threads));
    memset(word, 0, sizeof(word));
    memset(arrived, 0, sizeof(arrived));
    memset(serials, 0, sizeof(serials));
    thread_count = alive = holders = born = 0;
    output_bytes = written_bytes = ticket = 0;
    started = exited = in_world = false;
    job = 0;
    world_start(p->nodes, p->slots, p->seed);
    w.on_effect = on_effect;
    w.on_area = on_area;
    w.on_dsm_tick = on_dsm_tick;
}

static void check_end(void) {
    if (!exited) {
        for (uint32_t i = 0; i < thread_count; i++) {
            fprintf(stderr, "thread %u: state %d step %d call %u slot state %u\n", i,
                    (int)threads[i].state, (int)threads[i].step, threads[i].call,
                    threads[i].state == T_GONE
                        ? 0
                        : threads_slot(&w.node[threads[i].node], threads[i].token)->state);
        }
        fail_msg("mode %d seed %lu: the job hangs", (int)plan->mode, (unsigned long)plan->seed);
    }
    world_settle();
    assert_int_equal(alive, 0);
    assert_int_equal(w.refused, 0);
    world_check_empty();
    if (plan->mode == MODE_STREAM && plan->kill_at == 0) {
        assert_int_equal(output_bytes, written_bytes);
    }
    for (uint32_t g = 0; plan->mode == MODE_BARRIER && plan->kill_at == 0 && g < plan->rounds; g++) {
        assert_int_equal(serials[g], 1);
    }
}

int32_t program_run(const struct program_plan *p) {
    uint32_t actions = 0;

    reset(p);
    CALL(world_dice(p->nodes), CALL_RUN, TOKEN_NONE, 77);
    while (!exited) {
        if (world_dice(100) < p->resend_percent) {
            world_resend(world_dice(p->nodes));
        }
        if (p->kill_at != 0 && started && ++actions == p->kill_at) {
            CALL(world_dice(p->nodes), CALL_KILL, TOKEN_NONE, job, 9);
        }
        if (!happen()) {
            break;
        }
    }
    check_end();
    world_end();
    return status;
}
