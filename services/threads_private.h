/* The threads service's state on one node. Included by services/threads*.c and their tests only. */
#pragma once

#include "adapt/trace.h"
#include "services/job.h"
#include "services/rows.h"
#include "services/threads.h"

/* Where a thread lives, at its manager. 16 bytes. */
struct thread_entry {
    job_id job;
    seat_id seat;
    thread_id tid;
    uint32_t version; /* of the transfer that brought it there */
    uint32_t pad;
};

/* Tables follow the struct; offsets from its start. Entries: every thread of the cluster may have
 * its entry here: threads per node x members. */
struct threads {
    uint32_t slots;
    uint32_t slots_at, index_at, entries_at;
    uint32_t long_used; /* long messages of this node that the link still has */
    uint32_t held_hand; /* where the search for a HELD slot goes on */
    uint64_t timer_us;  /* no deadline of a slot is earlier (cluster time); UINT64_MAX: none */
};

enum { THREADS_COOKIE_LONG = 1 }; /* of on_acked: a long message was handled */

static inline struct threads *threads_of(struct node *n) {
    return node_state(n, SERVICE_THREADS);
}
static inline struct thread_slot *threads_slots(struct threads *t) {
    return (struct thread_slot *)(void *)((uint8_t *)t + t->slots_at);
}
static inline struct rows *threads_index(struct threads *t) {
    return (struct rows *)(void *)((uint8_t *)t + t->index_at);
}
static inline struct thread_entry *threads_entries(struct threads *t) {
    return (struct thread_entry *)(void *)((uint8_t *)t + t->entries_at);
}
token_no threads_slot_take(struct node *n); /* a FREE slot, TOKEN_NONE */
void threads_slot_free(struct node *n, token_no token);

/* threads_clone.c */
void threads_on_clone(struct node *n, const struct event_call *call);
void threads_on_clone_go(struct node *n, const struct event_call *call);
void threads_on_placed(struct node *n, const struct msg *m);
void threads_on_move(struct node *n, const struct msg *m, const struct msg_from *from);
void threads_on_here(struct node *n, const struct msg *m);
void threads_place(struct node *n, token_no token); /* PLACE, again or for the first time */
void threads_move(struct node *n, token_no token);  /* of a placed or HELD clone */

/* threads_exit.c */
void threads_on_exit(struct node *n, const struct event_call *call);
void threads_on_ended(struct node *n, const struct msg *m);
void threads_send_end(struct node *n, token_no token);

/* threads_manager.c */
void threads_on_at(struct node *n, const struct msg *m, const struct msg_from *from);
void threads_on_gone(struct node *n, const struct msg *m, const struct msg_from *from);
void threads_on_kill(struct node *n, const struct event_call *call);
void threads_on_signal(struct node *n, const struct msg *m);
void threads_send_signal(struct node *n, token_no token);
void threads_on_answer(struct node *n, const struct msg *m);
void threads_entries_drop(struct node *n, job_id job);
