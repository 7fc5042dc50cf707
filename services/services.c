/* The table of the services: the one place where the adaptation layer meets them [RR 3.1, P 7.1].
 * To add one: a number in adapt/base.h (enum service_no), its messages in adapt/messages.def, its
 * row here. Events, ticks and resends reach them in this order; threads is last, because its tick
 * looks at what the others' left waiting. */
#include "services/dsm.h"
#include "services/job.h"
#include "services/sync.h"
#include "services/threads.h"

const struct service_ops *const service_table[SERVICES] = {
    [SERVICE_JOB] = &job_service,
    [SERVICE_DSM] = &dsm_service,
    [SERVICE_SYNC] = &sync_service,
    [SERVICE_THREADS] = &threads_service,
};
