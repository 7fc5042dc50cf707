/* Checker: one view per epoch of a cluster, epochs rise by one, each node is in the view it has,
 * and the founding ends with everybody in a stable cluster [P 7.5, 7.10]. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

static uint64_t cluster_of(const struct view *v) {
    uint64_t half[2];

    memcpy(half, v->uuid, sizeof(half));
    return half[0] ^ half[1] * 3;
}

/* The digest that this epoch of this cluster has everywhere. */
static void agree(struct world *w, const struct pc *pc, const struct view *v, uint64_t digest) {
    for (uint32_t i = 0; i < w->views; i++) {
        const struct seen_view *s = &w->view[i];
        if (s->cluster == cluster_of(v) && s->epoch == v->epoch) {
            if (s->digest != digest) {
                sim_fail("view", "n%u has another view of epoch %u than n%u", pc->index + 1,
                         v->epoch, s->pc + 1);
            }
            return;
        }
    }
    if (w->views == EPOCHS_MAX) {
        sim_fail("view", "more than %u views in one small world", (unsigned)EPOCHS_MAX);
    }
    w->view[w->views++] = (struct seen_view){cluster_of(v), digest, v->epoch, pc->index};
}

void check_view(struct world *w, struct pc *pc) {
    const struct view *v = node_view(pc->node);

    if (v->epoch == pc->epoch_seen) {
        return;
    }
    if (v->epoch < pc->epoch_seen) {
        sim_fail("view", "n%u goes back from epoch %u to %u", pc->index + 1, pc->epoch_seen,
                 v->epoch);
    }
    pc->epoch_seen = v->epoch;
    const struct view_member *self = view_by_nonce(v, pc->nonce);

    if (self == NULL || self->mac != pc->mac) {
        sim_fail("view", "n%u has view %u and is not in it", pc->index + 1, v->epoch);
    }
    agree(w, pc, v, view_digest(v));
    world_hash(w, view_digest(v));
}

/* All PCs run, and each is stable in the newest view of its cluster. */
bool world_is_stable(const struct world *w) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct pc *pc = &w->pc[i];
        if (!pc->started || !node_is_stable(pc->node)) {
            return false;
        }
        for (uint32_t k = 0; k < w->views; k++) {
            bool newer = w->view[k].cluster == cluster_of(node_view(pc->node)) &&
                         w->view[k].epoch > pc->epoch_seen;
            if (newer) {
                return false;
            }
        }
    }
    return true;
}

static uint32_t clusters(const struct world *w, uint32_t *members) {
    uint32_t founded = 0;

    *members = 0;
    for (uint32_t i = 0; i < w->views; i++) {
        founded += w->view[i].epoch == 1;
    }
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct view *v = node_view(w->pc[i].node);
        *members = *members > v->count ? *members : v->count;
    }
    return founded;
}

static bool was_told(const struct world *w) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        if (w->pc[i].two_clusters) {
            return true;
        }
    }
    return false;
}

/* A node found alone may do so when the LAN lost all that it could have heard; then people are
 * told. With expect=N and N nodes, or without loss, that never happens. */
void check_founded(struct world *w) {
    uint32_t members;
    uint32_t founded = clusters(w, &members);
    bool may_split = w->plan.expect < w->plan.pcs && w->plan.faults.loss != 0;

    if (founded == 1 && members == w->plan.pcs) {
        return;
    }
    if (!may_split || !was_told(w)) {
        sim_fail("view", "%u clusters were founded, the largest with %u of %u nodes, told %u, "
                 "expect %u",
                 founded, members, w->plan.pcs, was_told(w), w->plan.expect);
    }
}
