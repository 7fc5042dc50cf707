/* run, jobs, kill, threads: programs. */
#include <string.h>

#include "adapt/node.h"
#include "kernel/console/arguments.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_core.h"
#include "kernel/console/job_console.h"
#include "kernel/console/launcher.h"
#include "kernel/console/node_state.h"
#include "kernel/job.h"
#include "kernel/pump.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/file.h"
#include "services/job.h"
#include "services/threads.h"

enum { STATUS_NOT_STARTED = 126, SIGNAL_TERM = 15 }; /* 126: as shells say it */

/* ---- run ------------------------------------------------------------------------------------- */

int command_run(int argc, char **argv, struct print_sink *out) {
    char strings[COMMAND_LINE_BYTES], why[128] = "";
    bool background = argc > 2 && strcmp(argv[argc - 1], "&") == 0;
    uint32_t count = (uint32_t)argc - (background ? 2 : 1), bytes = 0;
    int status;

    if (argc < 2 || (argc == 2 && strcmp(argv[1], "&") == 0)) {
        return COMMAND_USAGE;
    }
    for (uint32_t i = 1; i <= count; i++) { /* no longer than the line that they come from */
        uint32_t length = (uint32_t)strlen(argv[i]) + 1;
        memcpy(strings + bytes, argv[i], length);
        bytes += length;
    }
    if (!background && launcher_command_run(out, strings, bytes, count, &status)) {
        return status;
    }
    enum job_console_place place =
        background || out != &print_consoles ? JOB_BACKGROUND : JOB_FOREGROUND;
    if (job_console_run(place, strings, bytes, count, why) < 0) {
        print_to(out, "%s\n", why);
        return STATUS_NOT_STARTED;
    }
    return 0;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

int command_jobs(int argc, char **argv, struct print_sink *out) {
    struct job_row row;
    uint32_t shown = 0;

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: jobs takes no arguments");
    }
    if (command_node(out) == NULL) {
        return 1;
    }
    for (uint32_t i = 0; job_row(pump_node(), i, &row); i++) {
        if (row.job == 0) {
            continue;
        }
        const struct job *job = job_find(row.job);
        if (shown++ == 0) {
            print_to(out, "%5s  %-8s %-16s %-16s %7s  %s\n", "job", "state", "origin", "manager",
                     "threads", "program");
        }
        print_to(out, "%5u  %-8s %-16s %-16s %7u  %s\n", (unsigned)row.job,
                 node_job_state(row.state), node_name_of_seat(row.origin),
                 node_name_of_seat(row.manager), (unsigned)row.threads,
                 job != NULL && job->program != NULL ? job->program->name : "(see its origin)");
    }
    print_to(out, shown == 0 ? "no program runs\n" : "threads: those on this node\n");
    return 0;
}

int command_kill(int argc, char **argv, struct print_sink *out) {
    uint32_t job, signal = SIGNAL_TERM;
    struct job_row row = {0};

    if (argc < 2 || argc > 3) {
        return COMMAND_USAGE;
    }
    if (!argument_small(argv[1], 0xFFFF, &job) || job == 0) {
        return command_wrong(out, argv[1], "is no job: a number up to 65535 (`jobs`)");
    }
    if (argc == 3 && !argument_signal(argv[2], &signal)) {
        return command_wrong(out, argv[2],
                             "is no signal: a number from 1 to 64, or a name as TERM");
    }
    if (command_node(out) == NULL) {
        return 1;
    }
    for (uint32_t i = 0; job_row(pump_node(), i, &row) && row.job != job; i++) {
    }
    if (row.job != job) {
        print_to(out, "job %u does not run: `jobs` lists what does\n", (unsigned)job);
        return 1;
    }
    job_signal(job, signal);
    return 0;
}

/* ---- threads --------------------------------------------------------------------------------- */

static const char *call_name(uint32_t call) {
    static const char *const names[CALLS] = {
        [CALL_NONE] = "",
        [CALL_MAP] = "map",
        [CALL_FILE] = "file",
        [CALL_WRITE_OUT] = "write",
        [CALL_READ_IN] = "read",
        [CALL_CLONE] = "clone",
        [CALL_EXIT] = "exit",
        [CALL_EXIT_GROUP] = "exit group",
        [CALL_FUTEX_WAIT] = "futex wait",
        [CALL_FUTEX_WAKE] = "futex wake",
        [CALL_BARRIER] = "barrier",
        [CALL_KILL_THREAD] = "kill",
        [CALL_SLEEP] = "sleep",
    };

    return call < CALLS && names[call] != NULL ? names[call] : "?";
}

static void print_thread(struct print_sink *out, uint32_t token, const struct threads_row *row) {
    static const char *const states[] = {"empty", "ready", "waiting"};
    const struct thread *t = thread_at(token);
    bool faulting = t->state == THREAD_WAITING && t->faulting;

    print_to(out, "%4u %5u %6u  %-8s %-13s %-10s %08x  ", (unsigned)token, (unsigned)row->job,
             (unsigned)row->tid, faulting ? "page" : states[t->state < 3 ? t->state : 0],
             row->state, call_name(row->call), (unsigned)t->frame.eip);
    command_print_ms(out, t->cpu_us);
    print_to(out, "\n");
}

static void print_time(struct print_sink *out) {
    struct pump_times times = pump_times();
    uint64_t all = time_us();

    print_to(out, "this node: ring 3 ");
    command_print_ms(out, times.user_us);
    print_to(out, ", idle ");
    command_print_ms(out, times.idle_us);
    print_to(out, ", kernel and boot ");
    command_print_ms(out, all - times.user_us - times.idle_us);
    print_to(out, "; %llu events, %llu of them datagrams\n", (unsigned long long)times.events,
             (unsigned long long)times.datagrams);
}

int command_threads(int argc, char **argv, struct print_sink *out) {
    struct threads_row row;
    uint32_t job = 0, shown = 0;

    if (argc > 2) {
        return COMMAND_USAGE;
    }
    if (argc == 2 && !argument_small(argv[1], 0xFFFF, &job)) {
        return command_wrong(out, argv[1], "is no job: a number up to 65535 (`jobs`)");
    }
    if (command_node(out) == NULL) {
        return 1;
    }
    for (uint32_t token = 0; threads_row(pump_node(), token, &row); token++) {
        if (row.job == 0 || (job != 0 && row.job != job)) {
            continue;
        }
        if (shown++ == 0) {
            print_to(out, "%4s %5s %6s  %-8s %-13s %-10s %-8s  %s\n", "slot", "job", "tid", "here",
                     "in the core", "call", "eip", "time in ring 3");
        }
        print_thread(out, token, &row);
    }
    if (shown == 0) {
        print_to(out, "no thread is here\n");
    }
    print_time(out);
    return 0;
}
