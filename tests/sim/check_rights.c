/* Checker: over all page tables, at every moment, a page has a single writer and no reader beside
 * it, or any number of readers [P 8.1]; and what was unmapped or tightened is gone everywhere when
 * the call returns [P 9.2]. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

void check_rights(struct world *w, struct pc *pc, job_id job, page_no page, enum access right) {
    struct sim_job *owner = world_job(w, job);
    uint16_t bit = (uint16_t)(1u << pc->index);

    if (owner == NULL) {
        sim_fail("rights", "n%u maps a page of job %u, which nobody has started", pc->index + 1,
                 job);
    }
    struct shadow_page *p = shadow_page(&owner->shadow, page);

    p->readers &= (uint16_t)~bit;
    if (p->writer == pc->index + 1) {
        p->writer = 0;
    }
    if (right == ACCESS_NONE) {
        return;
    }
    if (p->writer != 0 || (right == ACCESS_WRITE && p->readers != 0)) {
        sim_fail("rights", "page %x of job %u: n%u gets right %u while n%u may write (readers %x)",
                 page, job, pc->index + 1, right, p->writer, p->readers);
    }
    if (right == ACCESS_WRITE) {
        p->writer = (uint8_t)(pc->index + 1);
    } else {
        p->readers |= bit;
    }
}

void check_rights_gone(struct world *w, job_id job, page_no first, uint32_t pages,
                       enum access most) {
    for (uint32_t i = 0; i < pages; i++) {
        struct shadow_page *p = shadow_page(&world_job(w, job)->shadow, first + i);
        bool wrong = (most < ACCESS_WRITE && p->writer != 0) ||
                     (most < ACCESS_READ && p->readers != 0);
        if (wrong) {
            sim_fail("rights", "page %x of job %u was taken away, but n%u may still write it "
                     "(readers %x)", first + i, job, p->writer, p->readers);
        }
    }
}
