/* The map calls and faults of the random programs: each thread has a window of pages of its own, so
 * a byte per page says exactly what must be allowed there, on every node. */
#include "tests/unit/jobs_program.h"

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

/* A fault of the thread in its own window, which nobody else changes: the answer must be the
 * model's. */
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

void program_on_area(struct node *n, job_id of, page_no page) {
    assert_int_equal(of, job);
    for (uint32_t i = 0; i < thread_count; i++) {
        struct thread *t = &threads[i];
        if (t->state == T_FAULT && t->node == n->index && t->fault_page == page) {
            fault(t);
        }
    }
}

static bool in_world; /* faults are begun inside a step: job_area_check may send */

void program_map(struct thread *t) {
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
                .arg = {ops[world_dice(3)], (window_of(t) + first) * PAGE_BYTES, pages * PAGE_BYTES,
                        world_dice(4), MAP_FLAG_FIXED});
}

void program_on_dsm_tick(struct node *n) {
    for (uint32_t i = 0; i < thread_count && in_world; i++) {
        if (threads[i].state == T_FAULT && threads[i].node == n->index) {
            fault(&threads[i]);
        }
    }
    in_world = false;
}
