/* The hand-moved job of jobs_cast.h: keeps what each effect says. */
#include "tests/unit/jobs_cast.h"

struct cast t[CAST_MAX];
uint32_t count;
struct told told;

static struct cast *cast_of(const struct node *n, token_no token) {
    for (uint32_t i = 0; i < count; i++) {
        if (t[i].node == n->index && t[i].token == token) {
            return &t[i];
        }
    }
    fail_msg("no thread in slot %u of node %u", token, n->index);
    return NULL;
}

static void on_thread(struct node *n, const struct effect *e) {
    if (e->type == FX_THREAD_START) {
        t[count].node = n->index;
        t[count].result = NOTHING;
        t[count++].token = e->token;
        return;
    }
    struct cast *c = cast_of(n, e->token);

    if (e->type == FX_FILE_PART) {
        assert_true(e->value + e->size <= FILE_GET_MAX);
        memcpy(c->file + e->value, e->bytes, e->size);
        c->parts++;
        return;
    }
    if (e->type == FX_FUTEX_COMPARE) {
        c->compares++;
        return;
    }
    c->wakes++;
    c->result = e->result;
    c->value = e->value;
    c->value2 = e->value2;
    c->size = e->size;
    if (e->size != 0) {
        memcpy(c->bytes, e->bytes, e->size);
    }
}

static void on_job(const struct effect *e) {
    switch (e->type) {
    case FX_JOB_STARTED:
        told.started = e->result;
        told.starts++;
        told.job = e->job;
        break;
    case FX_JOB_OPEN:
        assert_int_not_equal(e->value, 0);
        told.opens++;
        break;
    case FX_JOB_CLOSE:
        told.closes++;
        break;
    case FX_JOB_EXIT:
        told.exits++;
        told.status = e->result;
        break;
    case FX_OUTPUT:
        assert_int_equal(e->job, told.job);
        memcpy(told.output, e->bytes, e->size);
        told.output_size = e->size;
        break;
    case FX_INPUT_WANTED:
        told.ticket = e->value;
        told.ticket_most = e->value2;
        break;
    case FX_FILE_WANTED:
        assert_true(told.wants < 8);
        told.want_ticket[told.wants] = e->value;
        told.want_file[told.wants] = e->arg[0];
        told.want_offset[told.wants] = e->arg[1];
        told.want_bytes[told.wants++] = e->arg[2];
        break;
    default:
        break;
    }
}

static void on_effect(struct node *n, const struct effect *e) {
    if (e->type == FX_THREAD_START || e->type == FX_WAKE || e->type == FX_FUTEX_COMPARE ||
        e->type == FX_FILE_PART) {
        on_thread(n, e);
        return;
    }
    on_job(e);
}

static void on_unmap(struct node *n, page_no first, uint32_t pages) {
    (void)n, (void)first;
    told.unmapped += pages;
}

static void on_protect(struct node *n, page_no first, uint32_t pages, enum access most) {
    (void)n, (void)first, (void)most;
    told.protected += pages;
}

static void on_area(struct node *n, job_id of, page_no page) {
    (void)n, (void)of, (void)page;
    told.areas++;
}

void cast_fresh(seat_id keys_at) {
    memset(t, 0, sizeof(t));
    memset(&told, 0, sizeof(told));
    count = 0;
    told.started = told.status = NOTHING;
    world_start(3, 16, 4711);
    w.all_keys_at = keys_at;
    w.on_effect = on_effect;
    w.on_unmap = on_unmap;
    w.on_protect = on_protect;
    w.on_area = on_area;
}

void cast_start(uint32_t threads) {
    uint8_t record[4] = {1};

    CALL(0, CALL_RUN, TOKEN_NONE, 1);
    world_settle();
    while (count < threads) {
        world_call(
            0, &(struct event_call){
                   .op = CALL_CLONE, .token = t[0].token, .bytes = record, .size = sizeof(record)});
        world_settle();
    }
    for (uint32_t i = 0; i < count; i++) {
        t[i].result = NOTHING;
        t[i].wakes = 0;
    }
}

void cast_end(void) {
    if (told.exits == 0) {
        CALL(1, CALL_KILL, TOKEN_NONE, told.job, 9);
        world_settle();
    }
    assert_int_equal(told.exits, 1);
    assert_int_equal(told.opens, told.closes);
    world_check_empty();
    assert_int_equal(w.refused, 0);
    world_end();
}

uint32_t cast_on(uint32_t node, uint32_t k) {
    for (uint32_t i = 0; i < count; i++) {
        if (t[i].node == node && k-- == 0) {
            return i;
        }
    }
    fail_msg("too few threads");
    return 0;
}
