/* The end of a thread: wake its joiners, tell the job's manager, tell the thread's manager, empty
 * the slot. The slot stays until the job's manager has answered, so that no request of it is
 * outstanding when it is used again. The kernel has written clear_child_tid already and runs the
 * thread no more. */
#include "services/sync.h"
#include "services/threads_private.h"

void threads_on_exit(struct node *n, const struct event_call *call) {
    if (threads_call(n, call) == NULL) {
        return;
    }
    if (call->arg[1] != 0 && call->arg[1] % 4 == 0) {
        threads_set(n, call->token, SLOT_EXIT_WAKE);
        sync_exit_wake(n, call->token, call->arg[1]);
        return;
    }
    threads_exit_end(n, call->token);
}

void threads_send_end(struct node *n, token_no token) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    job_msg_begin(n, &m, MSG_THREAD_END, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.place.thread = slot->tid;
    m.place.token = token;
    m.place.status = slot->arg[0];
    adaptation_send(n, &m);
}

void threads_exit_end(struct node *n, token_no token) {
    threads_slot(n, token)->op++;
    threads_set(n, token, SLOT_EXIT_END);
    threads_send_end(n, token);
}

void threads_on_ended(struct node *n, const struct msg *m) {
    struct thread_slot *slot = threads_waiting(n, &m->head, m->place.token, m->place.thread);
    struct msg gone;

    if (slot == NULL || slot->state != SLOT_EXIT_END) {
        return;
    }
    job_msg_begin(n, &gone, MSG_THREAD_GONE, key_make(SERVICE_THREADS, slot->job, slot->tid));
    gone.place.thread = slot->tid;
    gone.place.seat = node_seat(n);
    adaptation_send(n, &gone);
    threads_slot_free(n, m->place.token);
}
