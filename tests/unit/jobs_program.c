/* The random programs of jobs_program.h. A thread is a little machine: READY threads take their
 * next action when the dice say so, BLOCKED ones wait for FX_WAKE. `word` is the program's memory,
 * sequentially consistent by construction; what is under test is who sleeps, who is woken, and
 * when. */
#include "tests/unit/jobs_program.h"

struct thread threads[THREADS_SEEN];
uint32_t thread_count;
static uint32_t alive, holders, born;
static uint32_t word[0x4000];
static uint32_t arrived[512], serials[512];
static uint32_t output_bytes, written_bytes;
const struct program_plan *plan;
job_id job;
static bool started, exited;
static int32_t status;

/* ---- the world's side ------------------------------------------------------------------------ */

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
    if (t->call == CALL_FILE_GET) {
        assert_int_equal(e->result, t->arg[2]);
        assert_int_equal(t->got, t->arg[2]);
    }
    if (t->call == CALL_READ_IN && e->result > 0) {
        assert_int_equal(e->size, e->result);
        for (uint32_t i = 0; i < e->size; i++) {
            assert_int_equal(e->bytes[i], 0x5A);
        }
    }
}

static uint32_t ticket, ticket_node, ticket_most;
static uint32_t file_ticket, file_node, file_bytes;

static void on_file_part(struct node *n, const struct effect *e) {
    struct thread *t = thread_at(n->index, e->token);

    assert_int_equal(t->call, CALL_FILE_GET);
    assert_int_equal(e->value, t->got);
    t->got += e->size;
    for (uint32_t i = 0; i < e->size; i++) {
        assert_int_equal(e->bytes[i], 0x77);
    }
}

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
    case FX_FILE_PART:
        on_file_part(n, e);
        break;
    case FX_FILE_WANTED:
        assert_int_equal(file_ticket, 0);
        file_ticket = e->value;
        file_node = n->index;
        file_bytes = e->arg[2];
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

void program_call(struct thread *t, uint32_t op, const struct event_call *more) {
    struct event_call c = *more;

    c.op = op;
    c.token = t->token;
    t->call = op;
    t->deadline_us = c.deadline_us;
    memcpy(t->arg, c.arg, sizeof(t->arg));
    t->state = T_BLOCKED;
    world_call(t->node, &c);
}

/* ---- futex users ----------------------------------------------------------------------------- */

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
    world_call(t->node,
               &(struct event_call){.op = CALL_FUTEX_COMPARED, .token = t->token, .arg = {equal}});
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

/* ---- births, streams, the end ---------------------------------------------------------------- */

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
    if (world_dice(3) == 0) {
        t->got = 0;
        THREAD_CALL(t, CALL_FILE_GET, .arg = {7, world_dice(1000), 1 + world_dice(FILE_GET_MAX)});
    } else if (world_dice(2) == 0) {
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
    static void (*const steps[])(struct thread * t) = {
        [S_CLONE] = clone,     [S_WORK] = work,       [S_LOCK] = lock, [S_LOCKED] = unlock,
        [S_BARRIER] = barrier, [S_MAP] = program_map, [S_JOIN] = join, [S_EXIT] = leave,
    };

    steps[t->step](t);
}

static void give_file(void) {
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t used = file_ticket;

    memset(bytes, 0x77, sizeof(bytes));
    file_ticket = 0;
    world_call(file_node, &(struct event_call){.op = CALL_FILE_BYTES,
                                               .token = TOKEN_NONE,
                                               .arg = {used},
                                               .bytes = bytes,
                                               .size = file_bytes});
}

static void give_input(void) {
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t size = world_dice(4) == 0 ? ticket_most : world_dice(ticket_most) + 1;
    uint32_t used = ticket;

    memset(bytes, 0x5A, sizeof(bytes));
    ticket = 0;
    size = world_dice(40) == 0 ? 0 : size;
    world_call(
        ticket_node,
        &(struct event_call){
            .op = CALL_INPUT, .token = TOKEN_NONE, .arg = {used}, .bytes = bytes, .size = size});
}

/* One thing happens: a thread acts, a message comes, a word is compared, input is typed. False:
 * nothing can. */
static bool happen(void) {
    struct thread *able[THREADS_SEEN];
    uint32_t count = 0;

    for (uint32_t i = 0; i < thread_count; i++) {
        if (threads[i].state == T_READY || threads[i].state == T_COMPARE) {
            able[count++] = &threads[i];
        }
    }
    if (file_ticket != 0 && world_dice(3) == 0) {
        give_file();
        return true;
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
    return ticket != 0 || file_ticket != 0 || world_sleep();
}

static void reset(const struct program_plan *p) {
    plan = p;
    memset(threads, 0, sizeof(threads));
    memset(word, 0, sizeof(word));
    memset(arrived, 0, sizeof(arrived));
    memset(serials, 0, sizeof(serials));
    thread_count = alive = holders = born = 0;
    output_bytes = written_bytes = ticket = file_ticket = 0;
    started = exited = false;
    job = 0;
    world_start(p->nodes, p->slots, p->seed);
    w.on_effect = on_effect;
    w.on_area = program_on_area;
    w.on_dsm_tick = program_on_dsm_tick;
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
    for (uint32_t g = 0; plan->mode == MODE_BARRIER && plan->kill_at == 0 && g < plan->rounds;
         g++) {
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
