/* The node's side of the launcher's channel: requests in, frames out, over a fake COM2, with a fake
 * core behind it. */
/* sources: kernel/console/launcher.c kernel/console/launcher_jobs.c kernel/console/frame_queue.c
            tests/unit/fake_files.c
 *          kernel/console/job_stdin.c kernel/console/channel.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/serial.h"
#include "kernel/console/channel.h"
#include "kernel/console/commands.h"
#include "kernel/console/launcher.h"
#include "kernel/console/node_state.h"
#include "kernel/job.h"

/* ---- the fake UART: what the host sends, what the node has sent --------------------------------
 */

enum { WIRE_BYTES = 1 << 20, CORE_JOBS_MAX = 8 };
static uint8_t to_node[WIRE_BYTES], to_host[WIRE_BYTES];
static uint32_t to_node_count, to_node_taken, to_host_count, to_host_read, tx_room;

bool serial_present(enum serial_port port) {
    return port == SERIAL_COM2;
}

uint32_t serial_rx(enum serial_port port, uint8_t *buf, uint32_t n) {
    uint32_t left = to_node_count - to_node_taken, count = n < left ? n : left;

    assert_int_equal(port, SERIAL_COM2);
    memcpy(buf, to_node + to_node_taken, count);
    to_node_taken += count;
    return count;
}

uint32_t serial_tx_room(enum serial_port port) {
    assert_int_equal(port, SERIAL_COM2);
    return tx_room;
}

uint32_t serial_tx(enum serial_port port, const uint8_t *buf, uint32_t n) {
    assert_int_equal(port, SERIAL_COM2);
    assert_true(n <= tx_room && to_host_count + n <= WIRE_BYTES);
    memcpy(to_host + to_host_count, buf, n);
    to_host_count += n;
    tx_room -= n;
    return n;
}

/* ---- the fake core --------------------------------------------------------------------------- */

static struct {
    struct job_owner *owner[CORE_JOBS_MAX]; /* job number = index + 1 */
    uint32_t count, signal[CORE_JOBS_MAX], room[CORE_JOBS_MAX];
    char strings[1024];
    uint32_t argc, envc;
    uint8_t input[65536];
    uint32_t input_bytes, input_ticket, inputs_empty;
} core;

int job_run(struct job_owner *owner, const char *strings, uint32_t bytes, uint32_t argc,
            uint32_t envc, char why[128]) {
    if (strcmp(strings, "missing") == 0) {
        print_text(why, 128, "no program %s", strings);
        return -2;
    }
    memcpy(core.strings, strings, bytes);
    core.argc = argc;
    core.envc = envc;
    core.owner[core.count++] = owner;
    return 0;
}

void job_signal(uint32_t job, uint32_t signal) {
    core.signal[job - 1] = signal;
}

void job_output_room(uint32_t job, uint32_t bytes) {
    core.room[job - 1] = bytes;
}

void job_input(uint32_t ticket, const uint8_t *bytes, uint32_t size) {
    core.input_ticket = ticket;
    memcpy(core.input + core.input_bytes, bytes, size);
    core.input_bytes += size;
    core.inputs_empty += size == 0;
}

/* ---- other parts -------------------------------------------------------------------------------
 */

static bool state_changed;
static char printed[64];

static void printed_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    (void)sink;
    memset(printed, 0, sizeof(printed));
    memcpy(printed, bytes, count < sizeof(printed) ? count : sizeof(printed) - 1);
}
struct print_sink print_everywhere = {printed_write};

bool node_state_changed(void) {
    bool changed = state_changed;

    state_changed = false;
    return changed;
}

void node_state_print(struct print_sink *out) {
    print_to(out, "name=n1\n");
}

void node_status_print(struct print_sink *out) {
    for (uint32_t i = 0; i < 300; i++) {
        print_to(out, "[%05u]", i);
    }
}

int console_execute(const char *line, struct print_sink *out) {
    int status = 0;

    if (strncmp(line, "run ", 4) == 0) {
        assert_true(launcher_command_run(out, line + 4, (uint32_t)strlen(line) - 3, 1, &status));
        return status;
    }
    for (uint32_t i = 0; strcmp(line, "flood") == 0 && i < 20000; i++) {
        print_to(out, "%05u\n", i);
    }
    print_to(out, "<%s>", line);
    return 3;
}

/* ---- driving --------------------------------------------------------------------------------- */

static struct channel_in decoder;

static int setup(void **state) {
    (void)state;
    to_node_count = to_node_taken = to_host_count = to_host_read = 0;
    tx_room = 1 << 19;
    memset(&core, 0, sizeof(core));
    memset(&decoder, 0, sizeof(decoder));
    return 0;
}

static void ask(uint8_t type, uint8_t stream, const void *bytes, uint32_t count) {
    struct channel_frame f = {type, stream, (uint16_t)count, bytes};

    to_node_count += (uint32_t)channel_encode(&f, to_node + to_node_count);
}

static void turns(void) {
    while (launcher_poll()) {
    }
}

/* The next frame that the node has sent; NULL: none. */
static const struct channel_frame *answer(void) {
    while (to_host_read < to_host_count) {
        const struct channel_frame *f = channel_decode_byte(&decoder, to_host[to_host_read++]);
        if (f != NULL) {
            return f;
        }
    }
    return NULL;
}

static void expect(uint8_t type, uint8_t stream, const void *bytes, uint32_t count) {
    const struct channel_frame *f = answer();

    assert_non_null(f);
    assert_int_equal(f->type, type);
    assert_int_equal(f->stream, stream);
    assert_int_equal(f->payload_bytes, count);
    assert_memory_equal(f->payload, bytes, count);
}

static void expect_text(uint8_t type, uint8_t stream, const char *text) {
    expect(type, stream, text, (uint32_t)strlen(text));
}

static void expect_nothing(void) {
    assert_null(answer());
}

/* A program on that stream that the core has started; its number. */
static uint32_t start_job(uint8_t stream) {
    ask(CHANNEL_RUN, stream, "prog\0-n\0005\0\0K=V\0", 15);
    turns();
    uint32_t job = core.count;
    core.owner[job - 1]->started(core.owner[job - 1], job);
    turns();
    return job;
}

static void end_job(uint32_t job, int32_t status, const char *reason) {
    core.owner[job - 1]->exited(core.owner[job - 1], status, reason);
    turns();
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void hello_and_ready(void **state) {
    (void)state;
    launcher_report("before anybody listened");
    state_changed = true;
    turns();
    assert_int_equal(to_host_count, 0); /* nobody has said a word yet */
    ask(CHANNEL_HELLO, 0, NULL, 0);
    turns();
    expect_text(CHANNEL_REPORT, 0, "before anybody listened");
    expect_text(CHANNEL_READY, 0, "name=n1\n");
    expect_nothing();
    state_changed = true;
    turns();
    expect_text(CHANNEL_READY, 0, "name=n1\n");
    for (uint32_t i = 0; i < 40; i++) {
        char line[300];
        print_text(line, sizeof(line), "%u %250s", i, "x");
        launcher_report(line);
    }
    assert_int_equal(launcher_counters().reports_lost, 8);
    turns();
    const struct channel_frame *f = answer();
    assert_memory_equal(f->payload, "8 ", 2); /* the oldest have given way */
    assert_int_equal(f->payload_bytes, 199);
}

static void a_program_from_run_to_exit(void **state) {
    int32_t code = 7;

    (void)state;
    uint32_t job = start_job(9);
    assert_int_equal(core.argc, 3);
    assert_int_equal(core.envc, 1);
    assert_memory_equal(core.strings, "prog\0-n\0005\0K=V\0", 14);
    assert_true(core.room[job - 1] >= 1024 && core.room[job - 1] < 16384);
    struct job_owner *owner = core.owner[job - 1];
    owner->output(owner, 1, (const uint8_t *)"out", 3);
    owner->output(owner, 2, (const uint8_t *)"err", 3);
    owner->output(owner, 1, (const uint8_t *)"more", 4);
    end_job(job, 7 << 8, "why");
    expect_text(CHANNEL_STDOUT, 9, "out");
    expect_text(CHANNEL_STDERR, 9, "err");
    expect_text(CHANNEL_STDOUT, 9, "more");
    uint8_t exit[7];
    memcpy(exit, &code, 4);
    memcpy(exit + 4, "why", 3);
    expect(CHANNEL_EXIT, 9, exit, 7);
    job = start_job(9); /* the number is free again */
    end_job(job, 11, "");
    code = 139;
    expect(CHANNEL_EXIT, 9, &code, 4);
    expect_nothing();
}

static void programs_that_do_not_start(void **state) {
    (void)state;
    ask(CHANNEL_RUN, 1, "missing\0\0", 9);
    turns();
    expect_text(CHANNEL_ERROR, 1, "no program missing");
    ask(CHANNEL_RUN, 1, "prog", 4); /* no zero */
    ask(CHANNEL_RUN, 1, "prog", 5); /* no empty string */
    ask(CHANNEL_RUN, 1, "", 1);     /* no argv */
    ask(CHANNEL_RUN, 1, NULL, 0);
    turns();
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(answer()->type, CHANNEL_ERROR);
    }
    uint32_t job = start_job(1);
    ask(CHANNEL_RUN, 1, "prog\0\0", 6);
    ask(CHANNEL_RUN, 0, "prog\0\0", 6);
    turns();
    assert_int_equal(answer()->stream, 1); /* in use */
    assert_int_equal(answer()->stream, 0); /* the node's own */
    end_job(job, JOB_NOT_STARTED, "not stable");
    expect_text(CHANNEL_ERROR, 1, "not stable");
    expect_nothing();
}

static void stdin_by_credit(void **state) {
    uint32_t credit = 4096;
    uint8_t bytes[1024];

    (void)state;
    uint32_t job = start_job(2);
    struct job_owner *owner = core.owner[job - 1];
    turns();
    expect_nothing(); /* it has not read yet */
    owner->input_wanted(owner, 77, 600);
    turns();
    expect(CHANNEL_STDIN_CREDIT, 2, &credit, 4);
    memset(bytes, 'a', sizeof(bytes));
    ask(CHANNEL_STDIN, 2, bytes, sizeof(bytes));
    turns();
    assert_int_equal(core.input_bytes, 600);
    assert_int_equal(core.input_ticket, 77);
    credit = 600;
    expect(CHANNEL_STDIN_CREDIT, 2, &credit, 4);
    ask(CHANNEL_STDIN_EOF, 2, NULL, 0);
    turns();
    owner->input_wanted(owner, 78, 600);
    turns();
    assert_int_equal(core.input_bytes, 1024);
    assert_int_equal(core.inputs_empty, 0);
    owner->input_wanted(owner, 79, 600);
    turns();
    assert_int_equal(core.inputs_empty, 1);
    ask(CHANNEL_STDIN, 99, bytes, 10); /* of nobody */
    ask(CHANNEL_SIGNAL, 99, "\2", 1);
    ask(CHANNEL_SIGNAL, 2, "\2", 1);
    turns();
    assert_int_equal(core.signal[job - 1], 2);
    end_job(job, 2, "");
}

static void a_signal_before_the_start_waits(void **state) {
    (void)state;
    ask(CHANNEL_RUN, 5, "prog\0\0", 6);
    ask(CHANNEL_SIGNAL, 5, "\x0f", 1);
    turns();
    assert_int_equal(core.signal[0], 0);
    core.owner[0]->started(core.owner[0], 1);
    turns();
    assert_int_equal(core.signal[0], 15);
    end_job(1, 15, "");
}

/* Whatever the core sends within the room arrives, in order, also while the host does not read. */
static void room_for_output(void **state) {
    static uint8_t sent[1 << 18], got[1 << 18];
    uint32_t sent_count = 0, got_count = 0, left;

    (void)state;
    uint32_t job = start_job(3);
    struct job_owner *owner = core.owner[job - 1];
    srand(17);
    left = core.room[job - 1];
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t size = 1 + (uint32_t)rand() % (rand() % 2 ? 1024 : 4);
        tx_room = rand() % 4 == 0 ? 16384 : 0;
        core.room[job - 1] = UINT32_MAX;
        turns();
        left = core.room[job - 1] != UINT32_MAX ? core.room[job - 1] : left;
        if (size > left || sent_count + size > sizeof(sent)) {
            continue;
        }
        for (uint32_t k = 0; k < size; k++) {
            sent[sent_count + k] = (uint8_t)rand();
        }
        owner->output(owner, 1 + (i & 1), sent + sent_count, size);
        sent_count += size;
        left -= size;
    }
    tx_room = 1 << 19;
    end_job(job, 0, "");
    const struct channel_frame *f;
    while ((f = answer()) != NULL && f->type != CHANNEL_EXIT) {
        memcpy(got + got_count, f->payload, f->payload_bytes);
        got_count += f->payload_bytes;
    }
    assert_non_null(f);
    assert_true(sent_count > 100000);
    assert_int_equal(got_count, sent_count);
    assert_memory_equal(got, sent, sent_count);
}

static void commands(void **state) {
    int32_t status = 3;
    uint32_t bytes = 0;
    const struct channel_frame *f;

    (void)state;
    ask(CHANNEL_EXEC, 4, "nodes all", 9);
    turns();
    expect_text(CHANNEL_EXEC_OUT, 4, "<nodes all>");
    expect(CHANNEL_EXEC_END, 4, &status, 4);
    ask(CHANNEL_EXEC, 4, "flood", 5); /* more than the queue holds: cut, and said */
    turns();
    while ((f = answer()) != NULL && f->type == CHANNEL_EXEC_OUT) {
        bytes += f->payload_bytes;
    }
    assert_true(bytes > 50000 && bytes < 120000 && launcher_counters().output_cut_bytes > 0);
    assert_non_null(f);
    assert_int_equal(f->type, CHANNEL_EXEC_END);
    ask(CHANNEL_STATUS_ASK, 0, NULL, 0);
    turns();
    bytes = 0;
    while ((f = answer()) != NULL && f->payload_bytes > 0) {
        assert_int_equal(f->type, CHANNEL_STATUS);
        bytes += f->payload_bytes;
    }
    assert_non_null(f);
    assert_int_equal(bytes, 2100);
    ask(CHANNEL_POWER, 0, "\0", 1);
    turns();
    assert_string_equal(printed, "<halt>");
    ask(CHANNEL_POWER, 0, "\1", 1);
    turns();
    assert_string_equal(printed, "<reboot>");
    ask(CHANNEL_FILE_BEGIN, 8, "x", 2);
    turns();
    assert_int_equal(answer()->type, CHANNEL_ERROR);
}

/* Two programs' output; the one that is held waits, the other does not. */
static void held_output(void **state) {
    int32_t code = 0;

    (void)state;
    uint32_t a = start_job(1), b = start_job(2);
    ask(CHANNEL_HOLD, 1, "\1", 1);
    turns();
    core.owner[a - 1]->output(core.owner[a - 1], 1, (const uint8_t *)"held", 4);
    core.owner[b - 1]->output(core.owner[b - 1], 1, (const uint8_t *)"free", 4);
    end_job(a, 0, "");
    turns();
    expect_text(CHANNEL_STDOUT, 2, "free");
    expect_nothing();
    ask(CHANNEL_HOLD, 1, "\0", 1);
    turns();
    expect_text(CHANNEL_STDOUT, 1, "held");
    expect(CHANNEL_EXIT, 1, &code, 4);
    end_job(b, 0, "");
}

static void a_command_that_runs_a_program(void **state) {
    int32_t status = 130;

    (void)state;
    ask(CHANNEL_EXEC, 6, "run prog", 8);
    turns();
    expect_nothing();
    core.owner[0]->started(core.owner[0], 1);
    core.owner[0]->output(core.owner[0], 2, (const uint8_t *)"text", 4);
    ask(CHANNEL_SIGNAL, 6, "\2", 1);
    turns();
    assert_int_equal(core.signal[0], 2);
    end_job(1, 2, "");
    expect_text(CHANNEL_EXEC_OUT, 6, "text");
    expect(CHANNEL_EXEC_END, 6, &status, 4);
    ask(CHANNEL_EXEC, 6, "run missing", 11);
    turns();
    status = 126;
    expect_text(CHANNEL_EXEC_OUT, 6, "no program missing\n");
    expect(CHANNEL_EXEC_END, 6, &status, 4);
}

/* Bytes of any kind, and sound frames of any kind and content: nothing breaks. */
static void noise(void **state) {
    (void)state;
    srand(99);
    for (uint32_t i = 0; i < 3000; i++) {
        uint8_t bytes[200];
        uint32_t count = (uint32_t)rand() % sizeof(bytes);
        for (uint32_t k = 0; k < count; k++) {
            bytes[k] = (uint8_t)(rand() % 3 == 0 ? 0 : 'a' + rand() % 4);
        }
        if (rand() % 4 == 0) {
            memcpy(to_node + to_node_count, bytes, count);
            to_node_count += count;
        } else {
            ask((uint8_t)(rand() % 16), (uint8_t)(rand() % 4), bytes, count);
        }
        tx_room = (uint32_t)rand() % 8192;
        turns();
        while (core.count > 3) {
            core.count--;
            core.owner[core.count]->exited(core.owner[core.count], 0, "");
        }
        to_host_count = to_node_count = to_node_taken = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hello_and_ready, setup),
        cmocka_unit_test_setup(a_program_from_run_to_exit, setup),
        cmocka_unit_test_setup(programs_that_do_not_start, setup),
        cmocka_unit_test_setup(stdin_by_credit, setup),
        cmocka_unit_test_setup(a_signal_before_the_start_waits, setup),
        cmocka_unit_test_setup(room_for_output, setup),
        cmocka_unit_test_setup(commands, setup),
        cmocka_unit_test_setup(a_command_that_runs_a_program, setup),
        cmocka_unit_test_setup(held_output, setup),
        cmocka_unit_test_setup(noise, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
