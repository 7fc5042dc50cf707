/* Programs on the console; see job_console.h. The owner's callbacks run inside effects: they
 * only record, but for output, which is printed at once. COM1's ring is the room that the core
 * is told, so a slow serial line slows the program. */
#include "kernel/console/job_console.h"

#include <string.h>

#include "adapt/node.h"
#include "drivers/serial.h"
#include "kernel/console/commands.h"
#include "kernel/console/console.h"
#include "kernel/console/job_room.h"
#include "kernel/console/job_stdin.h"
#include "kernel/job.h"
#include "kernel/options.h"
#include "kernel/print.h"
#include "kernel/pump.h"

enum {
    CONSOLE_JOBS_MAX = JOB_ROWS_MAX / 2, /* = JOBS_MAX */
    REASON_BYTES = 128,
    NAME_SHOWN_BYTES = 32,
    ROOM_KEPT_BYTES = 4096, /* of COM1's ring, for the node's own lines */
    SIGNAL_INTERRUPT = 2,
};

struct console_row {
    struct job_owner owner; /* first: callbacks get it */
    bool used, ended;
    uint32_t job;    /* 0: not started yet */
    uint32_t signal; /* to be given; 0: none */
    int32_t status;
    struct job_stdin in;
    struct job_room room;
    char name[NAME_SHOWN_BYTES];
    char reason[REASON_BYTES];
};

static struct console_row rows[CONSOLE_JOBS_MAX];
static struct console_row *foreground;
static bool run_option_done;

/* ---- what the job tells: inside effects ------------------------------------------------------ */

static void started(struct job_owner *owner, uint32_t job) {
    ((struct console_row *)owner)->job = job;
}

static void output(struct job_owner *owner, uint32_t fd, const uint8_t *bytes, uint32_t size) {
    (void)fd;
    job_room_use(&((struct console_row *)owner)->room, size);
    print_bytes((const char *)bytes, size);
}

static void input_wanted(struct job_owner *owner, uint32_t ticket, uint32_t max) {
    job_stdin_want(&((struct console_row *)owner)->in, ticket, max);
}

static void exited(struct job_owner *owner, int32_t status, const char *reason) {
    struct console_row *row = (struct console_row *)owner;

    row->job = 0;
    row->in.wanted = false;
    row->ended = true;
    row->status = status;
    print_text(row->reason, sizeof(row->reason), "%s", reason);
}

/* ---- the terminal: inside console_poll() ----------------------------------------------------- */

static void on_line(const char *bytes, uint32_t count) {
    uint32_t taken = job_stdin_put(&foreground->in, bytes, count);

    if (taken < count) {
        print("%s does not read its input: %u typed bytes are lost\n", foreground->name,
              (unsigned)(count - taken));
    }
}

static void on_end_of_file(void) {
    job_stdin_end(&foreground->in);
}

static void on_interrupt(void) {
    foreground->signal = SIGNAL_INTERRUPT;
}

static const struct console_job terminal = {on_line, on_end_of_file, on_interrupt};

/* ---- life ------------------------------------------------------------------------------------ */

int job_console_run(enum job_console_place place, const char *strings, uint32_t bytes,
                    uint32_t argc, char why[128]) {
    struct console_row *row = NULL;

    for (uint32_t i = 0; i < CONSOLE_JOBS_MAX && row == NULL; i++) {
        row = !rows[i].used ? &rows[i] : NULL;
    }
    if (row == NULL) {
        print_text(why, 128, "%u programs run on this console already: `jobs`, `kill JOB`",
                   (unsigned)CONSOLE_JOBS_MAX);
        return -1;
    }
    memset(row, 0, sizeof(*row));
    row->owner = (struct job_owner){started, output, input_wanted, exited, 0};
    print_text(row->name, sizeof(row->name), "%s", strings);
    int err = job_run(&row->owner, strings, bytes, argc, 0, why);
    if (err < 0) {
        return err;
    }
    row->used = true;
    if (place == JOB_FOREGROUND && foreground == NULL) {
        foreground = row;
        console_foreground(&terminal);
    } else {
        job_stdin_end(&row->in);
    }
    return 0;
}

static void say_end(const struct console_row *row) {
    int32_t code = job_exit_code(row->status);
    const char *colon = row->reason[0] != '\0' ? ": " : "";

    if (row->status == JOB_NOT_STARTED) {
        print("%s was not started%s%s\n", row->name, colon, row->reason);
    } else if (code > 128) {
        print("%s was ended by signal %d%s%s\n", row->name, (int)code - 128, colon, row->reason);
    } else if (code != 0 || row != foreground) {
        print("%s ended with exit code %d%s%s\n", row->name, (int)code, colon, row->reason);
    }
}

static uint32_t console_room(void) {
    uint32_t room = serial_tx_room(SERIAL_COM1);

    return room > ROOM_KEPT_BYTES ? (room - ROOM_KEPT_BYTES) / 2 : 0; /* \n goes out as \r\n */
}

static void row_poll(struct console_row *row) {
    if (row->job != 0) {
        job_room_tell(&row->room, row->job, console_room());
        (void)job_stdin_answer(&row->in);
    }
    if (row->job != 0 && row->signal != 0) {
        uint32_t signal = row->signal;
        row->signal = 0;
        job_signal(row->job, signal);
    }
    if (row->ended) {
        say_end(row);
        row->used = false;
        if (row == foreground) {
            foreground = NULL;
            console_foreground(NULL);
        }
    }
}

/* The same options may have gone to every node: the lowest one runs the program. */
static void run_option(void) {
    const struct node *n = pump_node();
    char line[OPTIONS_RUN_BYTES + 8];

    if (run_option_done || n == NULL || !node_is_stable(n) || foreground != NULL) {
        return;
    }
    run_option_done = true;
    const struct view_member *lowest = view_proposer(&n->member.view);
    if (options_boot.run[0] == '\0') {
        return;
    }
    if (lowest == NULL || lowest->nonce != n->self.nonce) {
        print("run=%s is left to %s, the lowest node\n", options_boot.run,
              lowest != NULL ? lowest->name : "?");
        return;
    }
    print_text(line, sizeof(line), "run %s", options_boot.run);
    print("%s\n", line);
    (void)console_execute(line, &print_consoles);
}

void job_console_poll(void) {
    for (uint32_t i = 0; i < CONSOLE_JOBS_MAX; i++) {
        if (rows[i].used) {
            row_poll(&rows[i]);
        }
    }
    if (!run_option_done && pump_is_started()) {
        run_option();
    }
}
