/* The threads service: which thread lives in which slot of this node, what call it has under way,
 * and, for the threads whose entry this node manages, where they live [P 9.6].
 *
 * A slot is a token. One thread has at most one call under way; its slot keeps that call
 * (arguments, bytes, operation number) until the answer, so a request can be sent again after a
 * view change and a transfer can be retried. The other services move a slot through its states with
 * threads_set(); the table of legal moves is the spec:
 *
 *   FREE --main thread booked--> BOOKED --job made--> READY            FREE --THREAD_MOVE--> READY
 *   READY --MAP FILE READ KILL_THREAD BARRIER FUTEX_WAKE--> ASKED --answer--> READY
 *   READY --WRITE_OUT--> HELD|ASKED      HELD: too many long messages of this node are under way
 *   READY --SLEEP--> SLEEP --tick--> READY
 *   READY --FUTEX_WAIT--> FUTEX_ASKED --QUEUED--> FUTEX_COMPARE --equal--> FUTEX_WAIT
 *         FUTEX_WAIT --WOKEN--> READY, FUTEX_ASKED --WOKEN, refused--> READY
 *         FUTEX_COMPARE --WOKEN--> FUTEX_WOKEN --compared--> READY    a wake that came first wins
 *         FUTEX_COMPARE --changed--> FUTEX_CANCEL, FUTEX_WAIT --time out--> FUTEX_CANCEL
 *         FUTEX_CANCEL --CANCELLED--> READY
 *   READY --CLONE--> PLACING --PLACED--> [CLONE_TID --CLONE_GO-->] HELD|MOVING --HERE--> READY, or
 *         PLACING: the host was full
 *   READY --EXIT--> EXIT_WAKE --answer--> EXIT_END --ENDED--> FREE
 *   READY --EXIT_GROUP--> ENDING
 *   any --job closed--> FREE */
#pragma once

#include "adapt/service.h"

extern const struct service_ops threads_service;

enum slot_state {
    SLOT_FREE,
    SLOT_BOOKED, /* for the main thread of a job that is being made */
    SLOT_READY,  /* hosted: it runs, or waits for a page; no call under way */
    SLOT_ASKED,  /* its request is at a manager or at the origin: the answer ends the call */
    SLOT_HELD,   /* its long message waits until another one was handled */
    SLOT_SLEEP,
    SLOT_FUTEX_ASKED,   /* WAIT sent */
    SLOT_FUTEX_COMPARE, /* queued; the world compares the word */
    SLOT_FUTEX_WOKEN,   /* … and a wake came meanwhile */
    SLOT_FUTEX_WAIT,    /* queued and the word was equal */
    SLOT_FUTEX_CANCEL,  /* CANCEL sent; `result` is what the call will return */
    SLOT_PLACING,       /* clone: tid and seat asked for */
    SLOT_CLONE_TID,     /* clone: the world writes the child's tid into the program's memory */
    SLOT_MOVING,        /* clone: child's record sent and frozen here [P 7.4] */
    SLOT_EXIT_WAKE,     /* exit: joiners are being woken */
    SLOT_EXIT_END,      /* exit: THREAD_END sent */
    SLOT_ENDING,        /* exit_group: waits for the job's end */
    SLOT_STATES
};

struct thread_slot {
    uint8_t state; /* enum slot_state; written by threads_set() only */
    uint8_t pad;
    job_id job;
    seat_id seat;        /* clone: the child's host */
    uint16_t generation; /* of the job */
    thread_id tid;
    uint32_t op;                      /* number of the thread's last operation; rises [P 9.10] */
    uint32_t call;                    /* enum call_op under way */
    uint32_t arg[5];                  /* of it */
    int32_t result;                   /* what the call returns when its cancel is confirmed */
    thread_id child;                  /* clone: the child's tid */
    uint64_t deadline_us;             /* cluster time, 0: none */
    uint32_t refused[SEATS_MAX / 32]; /* clone: seats that had no free slot */
    uint32_t size;
    uint8_t bytes[CALL_BYTES_MAX]; /* of the call: what to write, the child's record */
};

/* The slot, whatever its state; NULL when the number is no slot's. */
struct thread_slot *threads_slot(struct node *n, token_no token);
/* The one writer of a slot's state; asserts that the table allows the move. */
void threads_set(struct node *n, token_no token, enum slot_state state);
/* The slot of the thread that has the head's operation under way (job, generation, op); NULL: a
 * straggler. */
struct thread_slot *threads_waiting(struct node *n, const struct msg_head *head, token_no token,
                                    thread_id tid);
/* Keeps the call in the slot; the slot must be READY. NULL (and counted) when it is not. */
struct thread_slot *threads_call(struct node *n, const struct event_call *call);
/* The call is over: READY, and FX_WAKE. The caller may add to the effect. */
struct effect *threads_wake(struct node *n, token_no token, int32_t result);
/* The call waits for cluster time slot->deadline_us: on_tick of the service that asked looks
 * then. */
void threads_timer(struct node *n, uint64_t deadline_us);
bool threads_timer_is_due(struct node *n);
/* Cluster time as the node's clock; UINT64_MAX stays. */
uint64_t threads_local_us(const struct node *n, uint64_t cluster_us);

/* Takes a free slot for a job's main thread; TOKEN_NONE: all are used. */
token_no threads_book(struct node *n, job_id job);
/* The job is there (FX_THREAD_START) or was refused (slot free again). */
void threads_start_main(struct node *n, token_no token, thread_id tid);
void threads_unbook(struct node *n, token_no token);

/* The joiners of an exiting thread are woken (or nobody was to be): tells the job's manager. State
 * EXIT_END. */
void threads_exit_end(struct node *n, token_no token);

/* Room for long messages (more than a small slot of the link takes): at most LONG_MAX of this node
 * wait in the link. False: none now; then the slot is HELD, and goes on when one was handled. The
 * message is to be sent with the cookie of its service's on_acked, which calls
 * threads_long_done(). */
enum { LONG_MAX = 32 }; /* half of the long messages that a link pool of 128 keeps for sending */
bool threads_long_take(struct node *n);
void threads_long_done(struct node *n);

/* For the console. */
struct threads_row {
    job_id job;
    thread_id tid;
    const char *state;
    uint32_t call;
};
/* Slot `index`: false past the end; job 0: free. */
bool threads_row(const struct node *n, uint32_t index, struct threads_row *row);
uint32_t threads_hosted(const struct node *n, job_id job); /* 0: of all jobs */
