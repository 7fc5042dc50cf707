/* Checker: every read returns the last write, in the order in which the simulator executed them:
 * accesses are atomic here, so sequential consistency is exact [P 8.1]. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

void check_read(struct world *w, const struct pc *pc, const struct sim_thread *t, uint32_t address,
                uint32_t value) {
    uint32_t last = shadow_read(&world_job(w, t->job)->shadow, address);

    if (value != last) {
        sim_fail("read", "thread %u of job %u on n%u reads %x at %x; the last write was %x",
                 t->number, t->job, pc->index + 1, value, address, last);
    }
}
