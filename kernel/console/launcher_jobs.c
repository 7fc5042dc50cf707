/* Programs over COM2; see launcher_jobs.h. The owner's callbacks run inside effects: they only
 * record. */
#include "kernel/console/launcher_jobs.h"

#include <string.h>

#include "kernel/console/frame_queue.h"
#include "kernel/console/job_room.h"
#include "kernel/console/job_stdin.h"
#include "kernel/console/launcher_files.h"
#include "kernel/job.h"
#include "kernel/print.h"

enum {
    LAUNCHER_JOBS_MAX = JOB_ROWS_MAX / 2, /* = JOBS_MAX: programs that the cluster runs at once */
    OUTPUT_BYTES = 16384, /* a power of two; 3 KB of single bytes, 16 KB of long writes */
    REASON_BYTES = 128,   /* = sizeof(job.reason) */
};

struct stream_job {
    struct job_owner owner; /* first: callbacks get it */
    uint8_t stream;         /* 0: the row is free */
    uint8_t ending;         /* enum launcher_ending */
    uint32_t job;           /* 0: not started yet */
    uint32_t signal;        /* to be given; 0: none */
    uint32_t credit;        /* bytes of stdin that the host may send and was not told of yet */
    bool credit_begun;      /* it was told of some */
    bool held;              /* the host takes no output just now */
    bool ended;             /* free when all was sent */
    struct job_stdin in;
    struct job_room room;
    struct frame_queue out;
    uint8_t out_bytes[OUTPUT_BYTES];
};

static struct stream_job rows[LAUNCHER_JOBS_MAX];
static uint32_t turn; /* the row that sends next */

static struct stream_job *row_of(uint8_t stream) {
    for (uint32_t i = 0; i < LAUNCHER_JOBS_MAX; i++) {
        if (stream != 0 && rows[i].stream == stream) {
            return &rows[i];
        }
    }
    return NULL;
}

bool launcher_jobs_has(uint8_t stream) {
    return row_of(stream) != NULL;
}

/* ---- what the job tells: inside effects ------------------------------------------------------ */

static void started(struct job_owner *owner, uint32_t job) {
    ((struct stream_job *)owner)->job = job;
}

static void output(struct job_owner *owner, uint32_t fd, const uint8_t *bytes, uint32_t size) {
    struct stream_job *row = (struct stream_job *)owner;
    uint8_t type = fd == 2 ? CHANNEL_STDERR : CHANNEL_STDOUT;

    type = row->ending == LAUNCHER_EXEC_END ? CHANNEL_EXEC_OUT : type;
    job_room_use(&row->room, size);
    (void)frame_queue_put(&row->out, type, row->stream, bytes,
                          size); /* it has the room that was told */
}

static void input_wanted(struct job_owner *owner, uint32_t ticket, uint32_t max) {
    struct stream_job *row = (struct stream_job *)owner;

    job_stdin_want(&row->in, ticket, max);
    if (!row->credit_begun) { /* a program that never reads leaves the host's stdin alone */
        row->credit_begun = true;
        row->credit = JOB_STDIN_BYTES;
    }
}

static void put_code(struct stream_job *row, uint8_t type, int32_t code, const char *reason) {
    uint8_t payload[4 + REASON_BYTES];
    uint32_t length = (uint32_t)strlen(reason);

    length = length < REASON_BYTES ? length : REASON_BYTES;
    memcpy(payload, &code, 4);
    memcpy(payload + 4, reason, length);
    (void)frame_queue_put(&row->out, type, row->stream, payload, 4 + length); /* the reserve */
}

/* The end goes behind the output, into the queue's reserve; the row is free when all was sent. */
static void exited(struct job_owner *owner, int32_t status, const char *reason) {
    struct stream_job *row = (struct stream_job *)owner;

    row->job = 0;
    row->in.wanted = false;
    row->credit = 0;
    row->ended = true;
    launcher_files_drop(row->stream);
    if (row->ending == LAUNCHER_EXEC_END) {
        char line[REASON_BYTES + 2];
        uint32_t length = print_text(line, sizeof(line), "%s\n", reason);
        if (*reason != '\0') {
            (void)frame_queue_put(&row->out, CHANNEL_EXEC_OUT, row->stream, line, length);
        }
        put_code(row, CHANNEL_EXEC_END, job_exit_code(status), "");
    } else if (status == JOB_NOT_STARTED) {
        (void)frame_queue_put(&row->out, CHANNEL_ERROR, row->stream, reason,
                              (uint32_t)strlen(reason));
    } else {
        put_code(row, CHANNEL_EXIT, job_exit_code(status), reason);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

int launcher_jobs_run(uint8_t stream, enum launcher_ending ending, const char *strings,
                      uint32_t bytes, uint32_t argc, uint32_t envc, char why[128]) {
    struct stream_job *row = NULL;

    for (uint32_t i = 0; i < LAUNCHER_JOBS_MAX && row == NULL; i++) {
        row = rows[i].stream == 0 ? &rows[i] : NULL;
    }
    if (row == NULL) {
        launcher_files_drop(stream);
        print_text(why, 128, "%u programs run over this channel already; wait for one, or end one",
                   (unsigned)LAUNCHER_JOBS_MAX);
        return -1;
    }
    memset(row, 0, offsetof(struct stream_job, out_bytes));
    row->owner = (struct job_owner){started, output, input_wanted, exited, stream};
    row->stream = stream;
    row->ending = (uint8_t)ending;
    frame_queue_init(&row->out, row->out_bytes, OUTPUT_BYTES);
    int err = job_run(&row->owner, strings, bytes, argc, envc, why);
    if (err < 0) {
        row->stream = 0;
        launcher_files_drop(stream);
    }
    return err;
}

void launcher_jobs_stdin(uint8_t stream, const uint8_t *bytes, uint32_t count) {
    struct stream_job *row = row_of(stream);

    if (row != NULL) {
        (void)job_stdin_put(&row->in, bytes, count); /* more than the credit: the host's fault */
    }
}

void launcher_jobs_stdin_end(uint8_t stream) {
    struct stream_job *row = row_of(stream);

    if (row != NULL) {
        job_stdin_end(&row->in);
    }
}

void launcher_jobs_signal(uint8_t stream, uint32_t signal) {
    struct stream_job *row = row_of(stream);

    if (row != NULL) {
        row->signal = signal;
    }
}

void launcher_jobs_hold(uint8_t stream, bool held) {
    struct stream_job *row = row_of(stream);

    if (row != NULL) {
        row->held = held;
    }
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void row_poll(struct stream_job *row) {
    if (row->job == 0) {
        return;
    }
    job_room_tell(&row->room, row->job, frame_queue_room(&row->out));
    row->credit += job_stdin_answer(&row->in);
    if (row->signal != 0 && row->job != 0) {
        uint32_t signal = row->signal;
        row->signal = 0;
        job_signal(row->job, signal);
    }
}

void launcher_jobs_poll(void) {
    for (uint32_t i = 0; i < LAUNCHER_JOBS_MAX; i++) {
        if (rows[i].stream != 0) {
            row_poll(&rows[i]);
        }
    }
}

static bool row_take(struct stream_job *row, struct channel_frame *frame, uint8_t *payload) {
    if (row->stream == 0) {
        return false;
    }
    if (row->credit != 0) {
        memcpy(payload, &row->credit, 4);
        *frame = (struct channel_frame){CHANNEL_STDIN_CREDIT, row->stream, 4, payload};
        row->credit = 0;
        return true;
    }
    if (row->held) {
        return false;
    }
    bool taken = frame_queue_take(&row->out, frame, payload);
    if (row->ended && frame_queue_is_empty(&row->out)) {
        row->stream = 0;
    }
    return taken;
}

bool launcher_jobs_take(struct channel_frame *frame, uint8_t *payload) {
    for (uint32_t i = 0; i < LAUNCHER_JOBS_MAX; i++) {
        turn = (turn + 1) % LAUNCHER_JOBS_MAX;
        if (row_take(&rows[turn], frame, payload)) {
            return true;
        }
    }
    return false;
}
