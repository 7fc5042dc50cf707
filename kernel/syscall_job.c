/* What the console and the launcher do to a job: signals, bytes of stdin, room for its output. Each
 * is one call to the core; never from within an effect. */
#include "kernel/job.h"
#include "kernel/pump.h"

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
