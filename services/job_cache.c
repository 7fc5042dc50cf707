/* What a node knows of a job's map, and how it learns more [P 9.2]. The cache may know too little,
 * never too much: an area is in it until SHRINK of the job's manager takes it out, and that SHRINK
 * is acked afterwards.
 *
 * A refusal must be younger than the fault it refuses: a thread may map a page and then tell
 * another thread, whose fault joins a question that left before. So a question that somebody joined
 * is asked once more before it refuses. */
#include "services/dsm.h"
#include "services/job_private.h"

static uint32_t query_find(struct jobs *j, job_id job, page_no page) {
    for (uint32_t i = 0; i < j->queries; i++) {
        if (jobs_queries(j)[i].job == job && jobs_queries(j)[i].page == page) {
            return i;
        }
    }
    return ROW_NONE;
}

static void query_remove(struct jobs *j, uint32_t i) {
    jobs_queries(j)[i] = jobs_queries(j)[--j->queries];
}

static void query_send(struct node *n, const struct job_query *q) {
    struct msg m;

    job_msg_begin(n, &m, MSG_JOB_QUERY, key_make(SERVICE_JOB, q->job, 0));
    m.area.page = q->page;
    adaptation_send(n, &m);
}

void job_queries_send(struct node *n, job_id job) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < j->queries; i++) {
        if (job == 0 || jobs_queries(j)[i].job == job) {
            query_send(n, &jobs_queries(j)[i]);
        }
    }
}

void job_queries_drop(struct node *n, job_id job) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = j->queries; i > 0; i--) {
        if (jobs_queries(j)[i - 1].job == job) {
            query_remove(j, i - 1);
        }
    }
}

static void query_join(struct node *n, job_id job, page_no page, enum access access) {
    struct jobs *j = jobs_of(n);
    uint32_t i = query_find(j, job, page);

    if (i != ROW_NONE) {
        struct job_query *q = &jobs_queries(j)[i];
        q->joined = 1;
        q->access = q->access > access ? q->access : (uint8_t)access;
        return;
    }
    ASSERT(j->queries < j->queries_max); /* HOLD_MAX pages for each thread [D 3] */
    struct job_query *q = &jobs_queries(j)[j->queries++];

    *q = (struct job_query){.page = page, .job = job, .access = (uint8_t)access};
    query_send(n, q);
}

/* ---- for the DSM ----------------------------------------------------------------------------- */

enum area_answer job_area_check(struct node *n, job_id job, page_no page, enum access access,
                                struct area_info *info) {
    struct jobs *j = jobs_of(n);
    const struct job_local *l = job_local_find(n, job);

    if (l == NULL || job_generation(n, job) == 0) {
        return AREA_ASKED;
    }
    const struct area *a = area_find(&l->areas, page);

    if (a != NULL && area_most(a->prot) >= access) {
        *info = (struct area_info){.first = a->first,
                                   .pages = a->pages,
                                   .birth = (uint16_t)a->birth,
                                   .prot = a->prot,
                                   .most = (uint8_t)area_most(a->prot)};
        return AREA_YES;
    }
    if (page < USER_FIRST_PAGE || page >= USER_END_PAGE) {
        return AREA_NO; /* nothing is ever mapped there */
    }
    if (j->refusing_job == job && j->refusing_page == page) {
        return AREA_NO;
    }
    query_join(n, job, page, access);
    return AREA_ASKED;
}

/* ---- what the manager says ------------------------------------------------------------------- */

/* The cache may forget: when a change finds no room in it, it starts anew. */
static void learn(struct job_local *l, const struct body_area *a) {
    if (a->pages == 0 || a->first >= USER_END_PAGE || a->pages > USER_END_PAGE - a->first) {
        return;
    }
    if (area_cut(&l->areas, a->first, a->pages) < 0) {
        l->areas.count = 0;
    }
    if (a->prot == AREA_GONE) {
        return;
    }
    struct area area = {.first = a->first,
                        .pages = a->pages,
                        .birth = a->birth,
                        .prot = (uint8_t)(a->prot & PROT_MASK)};

    if (area_add(&l->areas, &area) < 0) {
        l->areas.count = 0;
        area_add(&l->areas, &area);
    }
}

void job_on_area(struct node *n, const struct msg *m) {
    struct jobs *j = jobs_of(n);
    struct job_local *l = job_local_open(n, m);

    if (l == NULL) {
        return;
    }
    if (m->area.prot == AREA_AGAIN) {
        job_queries_send(n, l->job);
        return;
    }
    learn(l, &m->area);
    uint32_t i = query_find(j, l->job, m->area.page);

    if (i == ROW_NONE) {
        return; /* a repeated answer */
    }
    struct job_query *q = &jobs_queries(j)[i];
    const struct area *a = area_find(&l->areas, q->page);
    bool is_allowed = a != NULL && area_most(a->prot) >= q->access;

    if (!is_allowed && q->joined) {
        q->joined = 0;
        query_send(n, q);
        return;
    }
    query_remove(j, i);
    j->refusing_job = l->job;
    j->refusing_page = m->area.page;
    dsm_on_area(n, l->job, m->area.page);
    j->refusing_job = 0;
}

static void shrink_here(struct node *n, struct job_local *l, const struct body_area *a) {
    if (a->pages == 0 || a->first >= USER_END_PAGE || a->pages > USER_END_PAGE - a->first) {
        return;
    }
    l->gone_first = a->first;
    l->gone_pages = a->prot == AREA_GONE ? a->pages : 0;
    if (a->prot == AREA_GONE) {
        if (area_cut(&l->areas, a->first, a->pages) < 0) {
            l->areas.count = 0;
        }
        dsm_unmap_range(n, l->job, a->first, a->pages);
        return;
    }
    if (area_protect(&l->areas, a->first, a->pages, (uint8_t)(a->prot & PROT_MASK)) < 0) {
        l->areas.count = 0;
    }
    dsm_protect_range(n, l->job, a->first, a->pages, area_most((uint8_t)(a->prot & PROT_MASK)));
}

/* Told again, it is only answered again: the range may be mapped anew by then, and this node may
 * manage pages of it. */
void job_on_shrink(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_local *l = job_local_open(n, m);
    struct msg out;

    if (l != NULL && (int32_t)(m->head.version - l->shrunk) > 0) {
        l->shrunk = m->head.version;
        shrink_here(n, l, &m->area);
    }
    msg_begin(n, &out, MSG_JOB_SHRUNK, m->head.key);
    out.head.generation = m->head.generation;
    out.head.version = m->head.version;
    node_send(n, from->seat, &out);
}
