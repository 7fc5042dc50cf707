/* What the console and the launcher do to a job: signals, bytes of stdin, room for its output; and
 * the bytes of its files for other nodes. Each is one call to the core; never from within an
 * effect. */
#include "adapt/limits.h"
#include "kernel/file.h"
#include "kernel/job.h"
#include "kernel/pump.h"

enum { FILE_ANSWERS_MAX = 32 }; /* of one turn: pages and timers come in between */
enum { SIGNAL_CHLD = 17, SIGNAL_TTOU = 22, SIGNAL_URG = 23, SIGNAL_WINCH = 28, SIGNALS = 64 };

/* Default actions [signal(7)]: these do nothing, or would stop the program, which nobody could
 * continue. */
static bool signal_ends(uint32_t signal) {
    bool stays = (signal >= SIGNAL_CHLD && signal <= SIGNAL_TTOU) || signal == SIGNAL_URG ||
                 signal == SIGNAL_WINCH;

    return signal >= 1 && signal <= SIGNALS && !stays;
}

void job_signal(uint32_t job, uint32_t signal) {
    struct event_call call = {.op = CALL_KILL, .token = TOKEN_NONE};

    call.arg[0] = job;
    call.arg[1] = signal;
    if (signal_ends(signal)) {
        pump_call(&call);
    }
}

void job_input(uint32_t ticket, const uint8_t *bytes, uint32_t size) {
    struct event_call call = {.op = CALL_INPUT, .token = TOKEN_NONE, .bytes = bytes, .size = size};

    call.arg[0] = ticket;
    pump_call(&call);
}

void job_output_room(uint32_t job, uint32_t bytes) {
    struct event_call call = {.op = CALL_OUTPUT_ROOM, .token = TOKEN_NONE};

    call.arg[0] = job;
    call.arg[1] = bytes;
    pump_call(&call);
}

static void answer_file(struct job *job) {
    uint8_t bytes[CALL_BYTES_MAX];
    struct job_file_want want = job->file_want;
    uint32_t most = want.bytes < sizeof(bytes) ? want.bytes : (uint32_t)sizeof(bytes);
    int32_t count = file_read(job->owner->files, want.file, want.offset, bytes, most);
    struct event_call call = {.op = CALL_FILE_BYTES, .token = TOKEN_NONE, .bytes = bytes};

    call.arg[0] = want.ticket;
    call.arg[1] = count < 0 ? 0u - (uint32_t)ERR_IO : 0;
    call.size = count < 0 ? 0 : (uint32_t)count;
    job->file_want.waits = false; /* before the core may want more */
    pump_call(&call);
}

/* The row that wants some; NULL: none. */
static struct job *next_want(void) {
    for (uint32_t i = 0; i < JOB_ROWS_MAX; i++) {
        struct job *job = job_at(i);
        if (job->used && job->owner != NULL && job->file_want.waits) {
            return job;
        }
    }
    return NULL;
}

bool job_files_poll(void) {
    struct job *job = next_want();

    for (uint32_t i = 0; job != NULL && i < FILE_ANSWERS_MAX; i++) {
        answer_file(job);
        job = next_want();
    }
    return job != NULL;
}
