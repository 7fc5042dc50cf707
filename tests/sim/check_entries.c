/* Checker: a page's directory entry stands at its manager and nowhere else; an idle entry names an
 * owner that has the page, and every copy that exists is in its copy set [P 8.1, D 4]. */
#include "services/dsm_private.h"
#include "services/job_private.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

static struct pc *pc_by_seat(struct world *w, const struct pc *of, seat_id seat) {
    const struct view_member *m = view_by_seat(node_view(of->node), seat);

    return m != NULL ? pc_by_mac(w, m->mac) : NULL;
}

static enum page_state state_at(const struct pc *pc, const struct dsm_entry *e) {
    struct dsm *d = dsm_of(pc->node);
    uint32_t row = dsm_page_find(d, e->job, e->page);

    if (row == NIL || dsm_pages(d)[row].birth != e->birth) {
        return PAGE_FREE;
    }
    return (enum page_state)dsm_pages(d)[row].state;
}

static bool is_owner_state(enum page_state state) {
    return state == PAGE_OWNED || state == PAGE_OWNED_WAIT || state == PAGE_WRITE;
}

/* No transaction under way: what the directory says is what the nodes have. */
static void check_idle(struct world *w, const struct pc *pc, const struct dsm_entry *e) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct pc *at = &w->pc[i];
        seat_id seat = node_seat(at->node);
        enum page_state state = state_at(at, e);
        bool has_copy = state == PAGE_READ || state == PAGE_READ_WAIT;
        bool listed = (e->copies[seat / 32] >> seat % 32 & 1) != 0;

        if (is_owner_state(state) != (seat == e->owner)) {
            sim_fail("entries", "page %x: n%u (seat %u) is in state %u, its manager n%u names "
                     "seat %u as owner", e->page, i + 1, seat, state, pc->index + 1, e->owner);
        }
        if (has_copy && !listed) {
            sim_fail("entries", "page %x: n%u has a copy that its manager n%u does not know",
                     e->page, i + 1, pc->index + 1);
        }
    }
}

static bool job_is_quiet(const struct world *w, job_id id) {
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++) {
        const struct sim_job *job = &w->job[i];
        if (job->job == id) {
            return !job->over && job->model->open == w->plan.pcs && !job->unmaps;
        }
    }
    return false;
}

/* A request that came again after its area was unmapped makes an entry that nobody will ever use:
 * the next one of the page carries a newer birth and takes its place. */
static bool is_of_the_map(struct world *w, const struct pc *pc, const struct dsm_entry *e) {
    struct msg m = {.head.key = key_make(SERVICE_JOB, e->job, 0)};
    struct pc *at = pc_by_seat(w, pc, node_manager(pc->node, m.head.key));

    m.head.generation = job_generation(pc->node, e->job);
    struct job_entry *job = job_entry_find(at->node, &m);
    const struct area *a = job != NULL ? area_find(&job->map.areas, e->page) : NULL;

    return a != NULL && (uint16_t)a->birth == e->birth;
}

static void check_entry(struct world *w, const struct pc *pc, const struct dsm_entry *e) {
    seat_id manager = node_manager(pc->node, key_make(SERVICE_DSM, e->job, e->page));

    if (manager != node_seat(pc->node)) {
        sim_fail("entries", "n%u has the entry of page %x, whose manager is n%u", pc->index + 1,
                 e->page, pc_by_seat(w, pc, manager)->index + 1);
    }
    if (e->busy == ACCESS_NONE && e->owner != SEAT_NONE && job_is_quiet(w, e->job) &&
        is_of_the_map(w, pc, e)) {
        check_idle(w, pc, e);
    }
}

void check_entries(struct world *w) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct pc *pc = &w->pc[i];
        if (!pc->started || node_view(pc->node)->epoch == 0) {
            continue;
        }
        struct dsm *d = dsm_of(pc->node);
        for (uint32_t k = 0; k < d->entries; k++) {
            if (dsm_entries(d)[k].job != 0) {
                check_entry(w, pc, &dsm_entries(d)[k]);
            }
        }
    }
}
