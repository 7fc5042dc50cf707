/* The job service's state on one node. Included by services/job*.c, services/threads_manager.c and
 * their tests only.
 *
 * Three roles: every node (struct job_local: job_local.c, job_cache.c), the job's manager (struct
 * job_entry: job_manager.c, job_place.c, job_call.c), the origin (part of job_local: job_run.c,
 * job_stream.c). */
#pragma once

#include "adapt/trace.h"
#include "services/job.h"
#include "services/job_files.h"
#include "services/job_map.h"
#include "services/rows.h"
#include "services/threads.h"

enum { SEAT_WORDS = SEATS_MAX / 32 };

/* ---- every node
 * -------------------------------------------------------------------------------- */

enum local_state {
    LOCAL_FREE,
    LOCAL_ASKED, /* origin: JOB_NEW sent */
    LOCAL_READY, /* origin: open here, waits until it is so everywhere */
    LOCAL_OPEN,
    LOCAL_CLOSED, /* origin: closed here, waits until it is so everywhere */
    LOCAL_STATES
};

struct job_local {
    job_id job;
    uint16_t generation;
    seat_id origin;
    uint8_t state;      /* enum local_state; written by job_local_set() only */
    uint8_t end_wanted; /* END was asked for here, with end_status: asked again by resend */
    uint32_t end_status;
    uint32_t handle;       /* origin: of the asker */
    token_no main;         /* origin: slot booked for the main thread */
    uint32_t ticket;       /* origin: of the FX_INPUT_WANTED that is out, or the last one */
    uint8_t input_asked;   /* origin: FX_INPUT_WANTED is out */
    uint8_t input_unacked; /* origin: the answer's bytes still are in the link */
    uint8_t input_over;    /* origin: end of file, for ever */
    uint8_t pad;
    uint32_t shrunk;       /* map version of the last SHRINK done here … */
    page_no gone_first;    /* … and the pages that it took away; until the next SHRINK other nodes
                              may not have done it yet */
    uint32_t gone_pages;
    uint32_t first_reader, last_reader; /* origin: rows of struct job_reader, ROW_NONE */
    uint32_t first_writer,
        last_writer;        /* origin: the same, of writes that the world had no room for */
    uint32_t first_getter, last_getter; /* origin: the same, of files; the first is being served */
    uint32_t getter_done;   /* origin: bytes that the first getter was sent */
    uint32_t file_ticket;   /* origin: of the FX_FILE_WANTED that is out, or the last one */
    uint8_t file_asked;     /* origin: FX_FILE_WANTED is out */
    uint8_t file_pad[3];
    uint32_t output_room;   /* origin: bytes that the world takes; OUTPUT_ENDLESS: all */
    struct area_list areas; /* what is known of the map */
};

#define OUTPUT_ENDLESS 0xFFFFFFFFu

/* A thread that waits for bytes of stdin or of a file, or for room for its output, at the origin:
 * <= every thread of the cluster. 36 bytes. */
struct job_reader {
    thread_id tid;
    token_no token;
    uint32_t op;
    uint32_t most; /* bytes that it wants, or wants to write */
    uint32_t next;
    seat_id seat;
    job_id job;
    uint32_t told; /* writer: 1 once there is room for it, which is kept until it writes again */
    uint32_t file, offset; /* getter: which bytes */
};

/* A page asked for at the job's manager: <= HOLD_MAX for each thread of this node. */
struct job_query {
    page_no page;
    job_id job;
    uint8_t access; /* most that was asked for */
    uint8_t joined; /* somebody joined after the question left: a refusal is too old for him */
};

/* ---- the job's manager ----------------------------------------------------------------------- */

enum entry_state {
    ENTRY_FREE,
    ENTRY_OPENING, /* JOB_OPEN sent */
    ENTRY_OPEN,
    ENTRY_CLOSING, /* JOB_CLOSE sent */
    ENTRY_STATES
};

struct job_entry {
    job_id job;
    uint16_t generation;
    seat_id origin;
    uint8_t state;      /* enum entry_state; written by job_entry_set() only */
    uint8_t end_wanted; /* END came while OPENING */
    uint32_t status;    /* as from wait(2); the first one counts */
    int32_t refused;    /* a member's reason, < 0: the job never starts */
    uint32_t cpu_set;
    uint32_t waiting[SEAT_WORDS]; /* seats whose OPENED or CLOSED is missing */
    uint32_t owners[SEAT_WORDS];  /* reserved: seats that ever owned a page of the job [P 8.7] */
    /* threads */
    uint32_t threads; /* living or on their way */
    uint32_t next_tid;
    uint16_t per_seat[SEATS_MAX];
    /* map and files */
    struct job_map map;
    struct job_files files;
    uint32_t shrinker; /* row of the thread whose call waits for every node; ROW_NONE: no shrink */
    int32_t shrink_result;
    struct map_plan plan;
    uint32_t shrinking[SEAT_WORDS];     /* seats whose SHRUNK is missing */
    uint32_t ask_again[SEAT_WORDS];     /* seats that asked for a page of the range meanwhile */
    uint32_t first_queued, last_queued; /* rows of threads whose map call waits behind it */
};

/* A thread of a job that this node manages, and its last operation here [P 9.10]: <= every thread
 * of the cluster. */
enum row_state { ROW_DONE, ROW_QUEUED, ROW_SHRINKING };
struct job_thread {
    job_id job; /* 0: free row */
    seat_id seat;
    thread_id tid;
    uint32_t op;   /* last operation; 0: none yet */
    uint8_t state; /* enum row_state of it */
    uint8_t pad[3];
    token_no token;
    int32_t result; /* of a done one */
    uint32_t value, value2;
    uint32_t arg[5]; /* of a queued map call */
    uint32_t next;   /* in the queue */
    uint32_t pad2;
};

enum { DRAIN_MAX = 16 }; /* answers of one step to queued calls: the loopback ring takes 64 */
/* of on_acked; INPUT + local row */
enum { JOB_COOKIE_WRITE = 1, JOB_COOKIE_INPUT = 2, JOB_COOKIE_FILE = JOB_COOKIE_INPUT + JOBS_MAX };
/* Pieces of files asked of the world or in the link, of all jobs: with LONG_MAX writes and records,
 * and one piece of stdin per job, 64 of the 96 long messages that a link pool of 192 keeps. */
enum { FILE_PARTS_MAX = 24 };
_Static_assert(LONG_MAX + JOBS_MAX + FILE_PARTS_MAX <= 96, "the link has room for all of them");

struct jobs {
    uint32_t runs;    /* jobs ever started here */
    uint32_t queries; /* used rows of the query table */
    uint32_t queries_max;
    uint32_t drain_wanted; /* more to answer than one step may */
    uint32_t threads_index_at, threads_at, readers_index_at, readers_at, queries_at;
    uint32_t tickets; /* FX_INPUT_WANTED and FX_FILE_WANTED ever */
    uint32_t file_parts; /* <= FILE_PARTS_MAX */
    uint32_t file_turn;  /* local row that was last asked for */
    page_no
        refusing_page; /* while dsm_on_area() runs: what the manager has just said of it is final */
    job_id refusing_job; /* 0: nothing */
    uint16_t pad;
    struct job_local local[JOBS_MAX];
    struct job_entry entry[JOBS_MAX];
};

static inline struct jobs *jobs_of(struct node *n) {
    return node_state(n, SERVICE_JOB);
}
static inline void *jobs_at(struct jobs *j, uint32_t offset) {
    return (uint8_t *)j + offset;
}
static inline struct rows *jobs_threads_index(struct jobs *j) {
    return jobs_at(j, j->threads_index_at);
}
static inline struct job_thread *jobs_threads(struct jobs *j) {
    return jobs_at(j, j->threads_at);
}
static inline struct rows *jobs_readers_index(struct jobs *j) {
    return jobs_at(j, j->readers_index_at);
}
static inline struct job_reader *jobs_readers(struct jobs *j) {
    return jobs_at(j, j->readers_at);
}
static inline struct job_query *jobs_queries(struct jobs *j) {
    return jobs_at(j, j->queries_at);
}

/* Sets of seats. */
static inline bool seats_has(const uint32_t set[SEAT_WORDS], seat_id seat) {
    return seat < SEATS_MAX && (set[seat / 32] >> seat % 32 & 1u) != 0;
}
static inline void seats_drop(uint32_t set[SEAT_WORDS], seat_id seat) {
    set[seat / 32] &= ~(1u << seat % 32);
}
static inline void seats_add(uint32_t set[SEAT_WORDS], seat_id seat) {
    set[seat / 32] |= 1u << seat % 32;
}
bool seats_none(const uint32_t set[SEAT_WORDS]);
void seats_all_members(const struct node *n, uint32_t set[SEAT_WORDS]);
bool seats_is_member(const struct node *n, seat_id seat);

/* job_local.c */
struct job_local *job_local_find(struct node *n, job_id job); /* in any state but FREE */
struct job_local *job_local_open(struct node *n,
                                 const struct msg *m); /* READY or OPEN, same generation */
struct job_local *job_local_take(struct node *n);
void job_local_set(struct node *n, struct job_local *l, enum local_state state);
void job_on_open(struct node *n, const struct msg *m, const struct msg_from *from);
void job_on_close(struct node *n, const struct msg *m, const struct msg_from *from);
void job_send_end(struct node *n, struct job_local *l);

/* job_run.c: the origin */
void job_on_run(struct node *n, const struct event_call *call);
void job_on_kill(struct node *n, const struct event_call *call);
void job_on_made(struct node *n, const struct msg *m);
void job_on_exited(struct node *n, const struct msg *m);
void job_send_new(struct node *n, const struct job_local *l);

/* job_cache.c: what a node knows of the map */
void job_on_area(struct node *n, const struct msg *m);
void job_on_shrink(struct node *n, const struct msg *m, const struct msg_from *from);
void job_queries_send(struct node *n, job_id job); /* again; 0: of all jobs */
void job_queries_drop(struct node *n, job_id job);

/* job_manager.c: the life of the entry */
struct job_entry *job_entry_find(struct node *n, const struct msg *m); /* same generation; NULL */
void job_entry_set(struct node *n, struct job_entry *e, enum entry_state state);
void job_entry_begin(struct node *n, const struct job_entry *e, struct msg *m, enum msg_type type);
void job_entry_close(struct node *n, struct job_entry *e, uint32_t status);
void job_on_new(struct node *n, const struct msg *m);
void job_on_opened(struct node *n, const struct msg *m, const struct msg_from *from);
void job_on_end(struct node *n, const struct msg *m);
void job_on_closed(struct node *n, const struct msg *m, const struct msg_from *from);
void job_entries_resend(struct node *n);

/* job_place.c: the job's threads at its manager */
uint32_t job_thread_find(struct node *n, job_id job, thread_id tid); /* row or ROW_NONE */
uint32_t job_thread_add(struct node *n, struct job_entry *e, thread_id tid, seat_id seat);
void job_threads_drop(struct node *n, job_id job);
void job_on_place(struct node *n, const struct msg *m);
void job_on_thread_end(struct node *n, const struct msg *m);
/* Does the job that this node manages have the thread? Its pid always counts. */
bool job_has_thread(struct node *n, job_id job, thread_id tid);

/* job_call.c: map and file operations at the manager */
enum op_order { OP_NEW, OP_REPEATED, OP_STRAGGLER };
enum op_order job_op_order(const struct job_thread *t, uint32_t op);
void job_on_call(struct node *n, const struct msg *m);
void job_on_query(struct node *n, const struct msg *m, const struct msg_from *from);
void job_on_shrunk(struct node *n, const struct msg *m, const struct msg_from *from);
void job_send_shrink(struct node *n, struct job_entry *e, seat_id seat);
void job_drain(struct node *n, struct job_entry *e);

/* job_stream.c: stdin, stdout, stderr */
void job_on_write_out(struct node *n, const struct event_call *call);
void job_on_read_in(struct node *n, const struct event_call *call);
void job_on_input(struct node *n, const struct event_call *call);
void job_on_output_room(struct node *n, const struct event_call *call);
void job_on_write(struct node *n, const struct msg *m, const struct msg_from *from);
void job_on_read(struct node *n, const struct msg *m, const struct msg_from *from);
void job_input_acked(struct node *n, struct job_local *l);
void job_input_drain(struct node *n, struct job_local *l);
void job_output_drain(struct node *n, struct job_local *l);
void job_readers_drop(struct node *n, struct job_local *l);
seat_id job_origin_of(struct node *n, job_id job); /* of a job that is open here */
void job_answer_begin(struct node *n, const struct job_local *l, struct msg *m, int32_t result);
/* A row for the thread that sent this request; ROW_NONE: a straggler, since the rows are as many as
 * all threads. */
uint32_t job_waiter_take(struct node *n, const struct job_local *l, const struct msg *m,
                         const struct msg_from *from, uint32_t most);
void job_waiter_append(struct node *n, uint32_t row, uint32_t *first, uint32_t *last);
void job_waiter_drop_first(struct node *n, const struct job_local *l, uint32_t *first);

/* job_bytes.c: bytes of files */
void job_on_file_get(struct node *n, const struct event_call *call);
void job_on_file_bytes(struct node *n, const struct event_call *call);
void job_on_file(struct node *n, const struct msg *m, const struct msg_from *from);
void job_on_bytes(struct node *n, const struct msg *m);
void job_file_acked(struct node *n);
void job_getters_drop(struct node *n, struct job_local *l);
