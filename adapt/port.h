/* The seam between the pure core and the world that runs it (kernel, simulator, unit test): events
 * go in, effects come out [D 4]. The world calls node_step() with one event at a time and performs
 * the effects in list order before the next event; performing cannot fail. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"

/* ---- events ---------------------------------------------------------------------------------- */

enum event_type {
    EV_NONE,
    EV_START,    /* once, first: who this node is */
    EV_DATAGRAM, /* bytes came from the network */
    EV_FAULT,    /* a thread needs a page (many may be asked for one thread: a call's set) */
    EV_CALL,     /* a program's thread, the console or the launcher wants something */
    EV_RAN,      /* the thread `token` made progress since its last dispatch [P 8.3] */
    EV_TICK,     /* node_deadline_us() has come */
    EVENTS
};

struct event_start {
    uint64_t nonce;    /* 64 random bits of this boot */
    uint64_t mac;      /* 48 bits, first byte highest */
    uint64_t build_id; /* of the protocol; another build is refused [D 6] */
    uint16_t expect;   /* 0: found alone after silence; N: found when N nodes are seen */
    uint8_t locator;   /* enum locator_kind */
    uint32_t wall_s;   /* seconds since 1970 at now_us 0, as this PC's clock had it; 0: unknown */
    uint8_t join_manual;
    char name[NAME_BYTES];    /* empty: n<ID> */
    char cluster[NAME_BYTES]; /* empty: "lisse" */
};

enum call_op {
    CALL_NONE,
    /* from the console or the launcher (token = TOKEN_NONE; answered by FX_REPORT) */
    CALL_RUN,         /* start a job here: arg[0] = handle of the asker; -> FX_JOB_STARTED, also
                         when refused (not stable, no room: then with a FX_REPORT that says why) */
    CALL_KILL,        /* end a job: arg[0] = job, arg[1] = status as from wait(2) (signal number);
                         an unknown job: FX_REPORT */
    /* stdin bytes for a FX_INPUT_WANTED: arg[0] = its ticket; size 0 = end of file */
    CALL_INPUT,
    /* the answer to a FX_FILE_WANTED: arg[0] = its ticket, arg[1] = 0 or -errno; the bytes: fewer
       than wanted where the file ends */
    CALL_FILE_BYTES,
    CALL_OUTPUT_ROOM, /* the world takes arg[1] more bytes of output of job arg[0] from now on,
                         until it says more; before the first of these it takes all */
    CALL_JOIN,        /* booted with join=manual: ask to join from now on; else nothing */
    /* from a thread; each is answered by exactly one FX_WAKE of that token unless noted */
    CALL_MAP,         /* job's map: arg[0] = enum map_op, arg[1..4] -> result address or -errno */
    /* file table: arg[0] = enum file_op, arg[1..4]; bytes: path -> result, value */
    CALL_FILE,
    CALL_WRITE_OUT,   /* arg[0] = fd 1 or 2; bytes -> origin's FX_OUTPUT; result = size, or 0: the
                         origin's world had no room and nothing was taken; it has now: again */
    CALL_READ_IN,     /* arg[0] = bytes wanted (<= CALL_BYTES_MAX); wake carries the bytes,
                         result = their number, 0 = end of file (for ever) */
    /* bytes of a file of the job at its origin: arg[0] = world's file number there, arg[1] =
       offset, arg[2] = bytes (<= FILE_GET_MAX). FX_FILE_PARTs come first; result = their bytes
       together (fewer than wanted: the file ends), or -errno */
    CALL_FILE_GET,
    CALL_CLONE,       /* bytes: the child's record (regs etc., opaque) -> result = child's tid.
                         arg[0] = 1: before the child is anywhere comes FX_CLONE_TID (again, with
                         another tid, when a host was full), answered by: */
    CALL_CLONE_GO,    /* the tid stands where the program wants it: the child may go */
    CALL_EXIT,        /* thread ends, its page of clear_child_tid is written already: arg[0] =
                         wait status (exit code << 8), arg[1] = address to wake or 0. No FX_WAKE:
                         FX_THREAD_STOP when nothing of it is outstanding. The last thread's
                         status is the job's */
    CALL_EXIT_GROUP,  /* job ends: arg[0] = wait status. No FX_WAKE: FX_THREAD_STOP */
    CALL_FUTEX_WAIT,  /* arg[0] = address, arg[1] = bitset; deadline_us (cluster time, 0 = none).
                         Sends WAIT; when it is queued comes FX_FUTEX_COMPARE, answered by: */
    CALL_FUTEX_COMPARED, /* arg[0] = 1 equal: keep waiting; 0: the word changed, -> -arg[1], or
                            -EAGAIN if arg[1] is 0; a wake that came meanwhile wins: 0 [P 9.3] */
    CALL_FUTEX_WAKE,  /* arg[0] = address, arg[1] = how many, arg[2] = bitset -> result = woken */
    CALL_PUBLISH,     /* arg[0] = first page, arg[1] = pages (<= HOLD_MAX): a hint; result 0 */
    /* arg[0] = address, arg[1] = count -> result 1 for one thread, 0 for others */
    CALL_BARRIER,
    CALL_KILL_THREAD, /* tgkill: arg[0] = tid (the pid: the job), arg[1] = signal, 0 = only ask.
                         Default actions only: ends the job or nothing; result 0, -ESRCH, -EINVAL */
    CALL_SLEEP,       /* wakes at deadline_us (cluster time), result 0 */
    CALLS
};

enum map_op {
    MAP_BRK = 1,   /* arg[1] = new break or 0 -> the break */
    /* arg[1] = address hint, arg[2] = bytes, arg[3] = prot, arg[4] = flags (MAP_FIXED) */
    MAP_MMAP,
    MAP_MUNMAP,    /* arg[1] = address, arg[2] = bytes */
    MAP_MPROTECT,  /* arg[1] = address, arg[2] = bytes, arg[3] = prot */
    /* the loader's: like mmap fixed; arg[4] = 1: brk starts at its end, rounded up */
    MAP_SEGMENT,
    /* arg[1] = address, arg[2] = old bytes, arg[3] = new bytes: in place, or -ENOMEM */
    MAP_MREMAP,
};

enum file_op {
    /* arg[1] = file number of the job's origin's world, arg[2] = size -> fd */
    FILE_OPEN = 1,
    FILE_CLOSE,    /* arg[1] = fd */
    FILE_READ,     /* arg[1] = fd, arg[2] = bytes -> result = bytes granted, value = offset,
                      value2 = world's file number; the offset is advanced */
    FILE_SEEK,     /* arg[1] = fd, arg[2] = offset (signed), arg[3] = whence -> result */
    FILE_STAT,     /* arg[1] = fd -> result 0, value = size, value2 = file number or FILE_STREAM */
    FILE_DUP,      /* arg[1] = fd, arg[2] = lowest new fd, arg[3] = exact new fd or -1 -> fd */
};
/* value2 of FILE_READ/STAT: stdin, stdout or stderr (value = 0, 1, 2) */
#define FILE_STREAM 0xFFFFFFFFu

struct event_call {
    uint32_t op;          /* enum call_op */
    token_no token;
    uint32_t arg[5];
    uint64_t deadline_us; /* absolute, cluster time; 0 = none */
    const uint8_t *bytes; /* the caller's; must live until the step's effects are performed */
    uint32_t size;        /* <= CALL_BYTES_MAX */
};

struct event {
    uint8_t type;    /* enum event_type */
    uint64_t now_us; /* the world's monotonic clock; never goes back */
    union {
        const struct event_start *start;
        struct {
            uint64_t from; /* sender's MAC, as the network told it */
            const uint8_t *bytes;
            uint32_t size;
        } datagram;
        struct {
            token_no token;
            page_no page;
            uint32_t access; /* ACCESS_READ or ACCESS_WRITE */
        } fault;
        struct event_call call;
        struct {
            token_no token;
        } ran;
    };
};

/* ---- effects --------------------------------------------------------------------------------- */

enum effect_type {
    FX_NONE,
    /* `size` bytes at `datagram`, then ref's bytes of a frame; link_seal() it first */
    FX_SEND,
    FX_COPY_IN,       /* copy `size` bytes at `bytes` to frame + offset */
    FX_ZERO,          /* fill frame with zeroes */
    FX_MAP,           /* job's page -> frame with right (READ or WRITE); replaces what was there */
    FX_UNMAP,         /* job's page has no right here any more */
    FX_LIMIT,         /* job's pages page … page + value - 1 have at most `right` here: one effect
                         for a range, since effects of a step are bounded */
    FX_WAKE,          /* the call or fault of token is done: result, value, value2, bytes */
    FX_FUTEX_COMPARE, /* compare the word of token's futex call now (fault the page in if need
                         be) and answer with CALL_FUTEX_COMPARED */
    FX_CLONE_TID,     /* token's child will have tid `value`: write that for the program (fault
                         the page in if need be) and answer with CALL_CLONE_GO */
    FX_JOB_OPEN,      /* job exists: make its address space; value = generation */
    FX_JOB_STARTED,   /* at the origin: result 0: `job` of asker `value` exists, a
                         FX_THREAD_START follows; < 0: refused (-EAGAIN not stable, -ENOSPC no
                         room), nothing follows */
    FX_JOB_CLOSE,     /* job is over on this node: its pages are gone already, drop the space */
    FX_JOB_EXIT,      /* at the origin, when every node has closed it: result = wait status, value =
                         the asker's handle; after FX_JOB_STARTED with result 0 exactly once */
    FX_THREAD_START,  /* slot token now hosts thread `value` (tid) of job; bytes: its record
                         (size 0: the job's main thread, load the program; its tid = the pid =
                         the job_id) */
    FX_THREAD_STOP,   /* slot token is empty; whatever it was doing is over */
    FX_OUTPUT,        /* at the origin: job's bytes for fd `value` (1, 2) */
    FX_INPUT_WANTED,  /* at the origin: job wants <= `value2` bytes of stdin, ticket `value` */
    FX_FILE_WANTED,   /* at the origin: job wants <= arg[2] bytes (<= CALL_BYTES_MAX) of the world's
                         file arg[0] from offset arg[1], ticket `value`: CALL_FILE_BYTES */
    FX_FILE_PART,     /* bytes for the CALL_FILE_GET of token: `value` = their place in it, counted
                         from its offset; parts come in order, without holes */
    FX_REPORT,        /* tell people: code (enum report, adapt/report.def), arguments, text */
    EFFECTS
};

struct effect {
    uint8_t type; /* enum effect_type */
    uint8_t right;
    uint16_t size;        /* of bytes or datagram */
    job_id job;
    uint16_t offset;
    token_no token;
    page_no page;
    frame_no frame;
    int32_t result;
    uint32_t value, value2;
    uint64_t to;          /* FX_SEND: receiver's MAC, 0 = all nodes (multicast) */
    struct frame_ref ref; /* FX_SEND: contents behind the datagram's bytes */
    uint32_t arg[4];      /* FX_REPORT, FX_FILE_WANTED */
    const uint8_t *bytes; /* lives as long as the event and this list */
    uint8_t *datagram;    /* FX_SEND: headers and message; link_seal() it in place, then send */
    uint8_t head[DATAGRAM_HEAD_MAX]; /* where short datagrams stand */
};

/* The list and the bytes that its effects point to. One step delivers at most a window of messages
 * and the loopback ring, with <= 1 KiB of bytes each: 96 KiB; asserted. */
enum { EFFECT_ARENA_BYTES = 128 * 1024 };
struct effects {
    uint32_t count;
    uint32_t arena_used;
    struct effect list[EFFECTS_MAX];
    uint8_t arena[EFFECT_ARENA_BYTES];
};

/* The next free effect, zeroed but for its type. Asserts that there is room. */
struct effect *effect_add(struct effects *fx, enum effect_type type);
/* Room for size bytes that live as long as the list. Asserts that there is room. */
uint8_t *effect_room(struct effects *fx, uint32_t size);

/* ---- the node -------------------------------------------------------------------------------- */

struct node;

/* Bytes of memory that a node with these limits needs (8-aligned). */
size_t node_size(const struct limits *limits);

/* Makes a node in mem. After this the first event must be EV_START. */
struct node *node_init(void *mem, const struct limits *limits);

/* Handles one event: total, never fails, never blocks. fx->count is set to 0 first. */
void node_step(struct node *n, const struct event *ev, struct effects *fx);

/* When EV_TICK is next wanted, in now_us; UINT64_MAX: never. */
uint64_t node_deadline_us(const struct node *n);

/* Cluster time of a world's now_us, in microseconds [P 9.9]. */
uint64_t node_cluster_us(const struct node *n, uint64_t now_us);
/* Wall-clock time of a world's now_us, microseconds since 1970: the founder's clock at cluster time
 * 0, and cluster time [P 9.9]. Before admission: this PC's own. */
uint64_t node_wall_us(const struct node *n, uint64_t now_us);

/* This node's id in the view; 0 before admission. For the trace's lines. */
node_id node_self_id(const struct node *n);
