/* The sync service: futexes and barriers [P 9.3, 9.4, 9.10]. Its entries have the key (job, address
 * / 4, kind).
 *
 *   wait:     requester -WAIT-> manager -QUEUED-> requester, which compares the word; equal: it
 * waits manager -WOKEN-> requester, or requester -CANCEL-> manager -CANCELLED-> requester wake:
 * requester -WAKE-> manager -WOKEN-> each node with chosen waiters, -ANSWER-> requester barrier:
 * requester -ARRIVE-> manager, and when all have come one -RELEASE-> each node with waiters
 *
 * Queued first, compared then: a wake that follows the store finds the waiter, or the waiter finds
 * the store. Who wins when both happen is told by the order at the manager: a CANCEL that comes
 * after the wake chose its waiter hands that wake to the next waiter, and the requester, having
 * sent CANCEL, ignores WOKEN. So every wake counts once.
 *
 * The manager keeps one row for each thread that has used it: the thread's last operation here and
 * its result. A repeat of that operation gets the same answer, an older one is a straggler. */
#pragma once

#include "adapt/service.h"

extern const struct service_ops sync_service;

/* The wake's part of an exiting thread (CLONE_CHILD_CLEARTID): wakes one waiter at the address; the
 * answer ends in threads_exit_end(). The slot's state is EXIT_WAKE. */
void sync_exit_wake(struct node *n, token_no token, uint32_t address);

/* For the console and tests. */
struct sync_counts {
    uint32_t entries; /* futexes and barriers that this node manages */
    uint32_t waiting; /* threads queued or arrived in them */
    uint32_t known;   /* threads whose last operation is kept */
};
struct sync_counts sync_counts(const struct node *n);
