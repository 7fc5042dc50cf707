/* Plays a script of commands on a perfect LAN; see script.h. Each command runs the world for a
 * fixed time, so a trace depends on nothing but the core and the script. */
#include "tests/sim/script.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/job_map.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"
#include "tests/sim/tracing.h"

enum {
    COMMAND_US = 50000, /* what a command is given: round trips of 200 us, one RTO of 20 ms */
    STABLE_US = 3000000,
    LINE_BYTES = 200,
};

struct script {
    struct world *w;
    enum tracing tracing;
};

static struct plan plan_of(uint32_t pcs) {
    return (struct plan){.pcs = pcs,
                         .expect = (uint16_t)pcs,
                         .locator = LOCATOR_STAT,
                         .limits = {.frames = 64,
                                    .entries = 64,
                                    .threads = 8,
                                    .waiters = 256,
                                    .link_small = 256,
                                    .link_big = 64},
                         .faults = {.delay_min_us = 100, .delay_max_us = 100},
                         .faults_for_us = 0xFFFFFFFF,
                         .end_by_us = UINT64_MAX / 2,
                         .faults_end_us = UINT64_MAX / 4,
                         .start_spread_us = 1,
                         .script = true};
}

static bool do_nodes(struct script *s, uint32_t pcs) {
    if (s->w != NULL || pcs == 0 || pcs > PCS_MAX) {
        return false;
    }
    struct plan plan = plan_of(pcs);

    s->w = world_new(1, &plan);
    tracing_begin(s->w, s->tracing);
    while (!world_is_stable(s->w) && s->w->now_us < STABLE_US) {
        world_run_for(s->w, 1000);
    }
    return world_is_stable(s->w);
}

/* ---- threads that obey ----------------------------------------------------------------------- */

static struct pc *pc_named(struct script *s, const char *name) {
    uint32_t number = name[0] == 'n' ? (uint32_t)atoi(name + 1) : 0;

    return s->w != NULL && number >= 1 && number <= s->w->plan.pcs ? &s->w->pc[number - 1] : NULL;
}

static struct sim_thread *parked(struct pc *pc) {
    for (uint32_t i = 0; i < pc->cpu.slots; i++) {
        if (pc->cpu.thread[i].state == SIM_PARKED) {
            return &pc->cpu.thread[i];
        }
    }
    return NULL;
}

static struct program *program_of(struct script *s) {
    return &s->w->job[0].program;
}

static bool do_run(struct script *s, struct pc *pc) {
    struct event ev = {.type = EV_CALL, .call = {.op = CALL_RUN, .token = TOKEN_NONE}};
    struct sim_job *job = &s->w->job[0];

    if (pc == NULL || job->wanted) {
        return false;
    }
    job->pc = pc->index;
    job->wanted = true;
    job->program.threads_ever = 1;
    job->program.loose = true;
    emit(&job->program, (struct instr){.op = OP_STOP});
    check_job_asked(s->w, job);
    world_step(s->w, pc, &ev);
    return true;
}

static void emit_map_command(struct program *p, enum map_op op, uint32_t address, uint32_t bytes) {
    emit_args(p, (int32_t)op, (int32_t)address, (int32_t)bytes);
    emit(p, (struct instr){.op = OP_SET, .r = 3, .b = 3});
    emit(p, (struct instr){.op = OP_SET, .r = 4, .b = MAP_FLAG_FIXED});
    emit_call(p, CALL_MAP);
}

/* The instructions of a thread's command; r0 or r5 is its result. */
static bool emit_command(struct program *p, const char *verb, uint32_t address, int32_t value) {
    struct instr word = {.r = 0, .index = NO_INDEX, .a = address, .b = value};

    if (strcmp(verb, "read") == 0) {
        word.op = OP_LOAD;
        emit(p, word);
    } else if (strcmp(verb, "write") == 0) {
        word.op = OP_STORE_IMM;
        emit(p, word);
    } else if (strcmp(verb, "add") == 0) {
        word.op = OP_XADD;
        emit(p, word);
    } else if (strcmp(verb, "map") == 0) {
        emit_map_command(p, MAP_MMAP, address, (uint32_t)value);
    } else if (strcmp(verb, "unmap") == 0) {
        emit_map_command(p, MAP_MUNMAP, address, (uint32_t)value);
    } else if (strcmp(verb, "clone") == 0) {
        emit_args(p, 0, (int32_t)p->threads_ever++, 0); /* the child begins at the first STOP */
        emit_call(p, CALL_CLONE);
    } else if (strcmp(verb, "exit") == 0) {
        emit_args(p, 0, 0, 0);
        emit_call(p, CALL_EXIT);
    } else {
        bool wait = strcmp(verb, "wait") == 0, wake = strcmp(verb, "wake") == 0;
        if (!wait && !wake && strcmp(verb, "barrier") != 0) {
            return false;
        }
        emit_args(p, (int32_t)address, value, -1);
        emit(p, (struct instr){.op = OP_SET, .r = 3});
        emit_call(p, wait ? CALL_FUTEX_WAIT : wake ? CALL_FUTEX_WAKE : CALL_BARRIER);
    }
    return true;
}

static bool do_thread(struct script *s, struct pc *pc, const char *command) {
    struct sim_thread *t = parked(pc);
    char verb[20] = "";
    uint32_t address = 0;
    int32_t value = 0;

    if (t == NULL || sscanf(command, "%*s %19s %x %i", verb, &address, &value) < 1) {
        return false;
    }
    uint32_t at = program_of(s)->count;

    if (!emit_command(program_of(s), verb, address, value)) {
        return false;
    }
    emit(program_of(s), (struct instr){.op = OP_STOP});
    t->at = at;
    cpu_ready(s->w, pc, t, false);
    world_run_for(s->w, COMMAND_US);
    if (t->state == SIM_PARKED && strcmp(verb, "write") == 0) {
        printf("= done\n");
    } else if (t->state == SIM_PARKED) {
        printf("= %d\n", t->reg[0]);
    } else {
        printf(t->state == SIM_EMPTY ? "= gone\n" : "= waits\n");
    }
    return true;
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool do_command(struct script *s, const char *command) {
    char first[20] = "", second[20] = "";

    if (sscanf(command, "%19s %19s", first, second) < 2) {
        return false;
    }
    s->tracing = TRACING_PLAIN;
    if (strcmp(first, "quiet") == 0 || strcmp(first, "nodes") == 0) {
        s->tracing = TRACING_OFF;
        command += first[0] == 'q' ? 6 : 0;
        sscanf(command, "%19s %19s", first, second);
    }
    if (s->w != NULL) {
        tracing_begin(s->w, s->tracing);
    }
    if (strcmp(first, "nodes") == 0 || strcmp(first, "found") == 0) {
        return do_nodes(s, (uint32_t)atoi(second));
    }
    if (strcmp(first, "lose") == 0 && s->w != NULL) {
        s->w->network.lose_next = (uint32_t)atoi(second);
        return true;
    }
    struct pc *pc = pc_named(s, strcmp(first, "run") == 0 ? second : first);

    if (pc == NULL) {
        return false;
    }
    if (strcmp(first, "run") == 0) {
        bool done = do_run(s, pc);
        world_run_for(s->w, COMMAND_US);
        return done;
    }
    return do_thread(s, pc, command);
}

int script_run(const char *path) {
    static struct script s;
    static FILE *file;
    char line[LINE_BYTES];

    file = fopen(path, "r");
    failure_begin(1, path, "");
    if (file == NULL || setjmp(failure_exit) != 0) {
        fprintf(stderr, "sim: cannot play %s\n", path);
        return 1;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || line[0] == '$' || line[0] == '\n') {
            printf("%s", line);
        }
        if (line[0] == '$' && !do_command(&s, line + 1 + strspn(line + 1, " "))) {
            fprintf(stderr, "sim: %s: this cannot be done: %s", path, line);
            return 1;
        }
    }
    fclose(file);
    world_free(s.w);
    return 0;
}
