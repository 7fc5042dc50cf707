/* The simulator's command line: runs seeds one after the other, prints a line for each.
 *
 *   sim --script FILE      replays a golden trace, see script.h
 *   sim --seed N | --seeds A..B   [--scenario NAME] [--trace] [--verbose] [--stop]
 *         [--also FILE] [--list]
 *
 * --also FILE: the seeds of this file too, lines `SEED SCENARIO what it was`, # comments.
 * --stop: after the first failure. Ends with `N passed, N failed`; exit status 1 if any failed. A
 * seed that hangs the host or crashes ends the run with its number. Never uses a clock: one seed is
 * one history. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/sim/failure.h"
#include "tests/sim/scenario.h"
#include "tests/sim/script.h"
#include "tests/sim/tracing.h"

enum { SEED_SECONDS_MAX = 60 }; /* of the host, under the sanitizers too: then it hangs */

struct options {
    uint64_t first, last;
    const char *scenario, *script, *also;
    bool trace, verbose, bad, list, stop;
};

static struct world *world_now;
static unsigned long long seed_now;
static char details[120]; /* of the plan, for people */

static void on_signal(int number) {
    char text[120];
    int n = snprintf(text, sizeof(text), "seed %llu FAILED: %s (signal %d)\n0 passed, 1 failed\n",
                     seed_now, number == SIGALRM ? "it hangs" : "it crashes", number);

    if (n > 0 && write(1, text, (size_t)n) < 0) {
        _exit(3);
    }
    _exit(2);
}

static void print_seed(const struct world *w, const char *scenario, bool verbose) {
    printf("seed %llu %s %s hash %016llx\n", (unsigned long long)w->seed, scenario, details,
           (unsigned long long)tracing_hash(w));
    if (verbose) {
        printf("  %llu events, %llu datagrams (%llu lost, %llu doubled, %llu corrupted), stable at "
               "%llu ms, over at %llu ms, %u instructions, %u threads\n",
               (unsigned long long)w->events, (unsigned long long)w->network.sent,
               (unsigned long long)w->network.lost, (unsigned long long)w->network.duplicated,
               (unsigned long long)w->network.corrupted, (unsigned long long)w->stable_us / 1000,
               (unsigned long long)w->now_us / 1000, w->job[0].program.count,
               w->job[0].program.threads_ever);
    }
}

static bool run_seed(uint64_t seed, const struct options *o) {
    struct plan plan;
    const char *chosen;

    if (!scenario_plan(seed, o->scenario, &plan, &chosen)) {
        fprintf(stderr, "sim: there is no scenario %s; sim --list names them\n", o->scenario);
        exit(2);
    }
    const struct faults *f = &plan.faults;
    snprintf(details, sizeof(details), "nodes %u loss %u.%u%% dup %u.%u%% reorder %u.%u%% corrupt "
             "%u.%u%%%s", plan.pcs, f->loss / 10, f->loss % 10, f->duplicate / 10,
             f->duplicate % 10, f->reorder / 10, f->reorder % 10, f->corrupt / 10, f->corrupt % 10,
             plan.resend_every_us != 0 ? " resend" : "");
    failure_begin(seed, chosen, details);
    seed_now = seed;
    alarm(SEED_SECONDS_MAX);
    if (setjmp(failure_exit) != 0) {
        world_free(world_now);
        world_now = NULL;
        return false;
    }
    world_now = world_new(seed, &plan);
    tracing_begin(world_now, o->trace ? TRACING_TIMED : TRACING_OFF);
    world_run(world_now);
    print_seed(world_now, chosen, o->verbose);
    world_free(world_now);
    world_now = NULL;
    return true;
}

static bool parse_range(const char *text, struct options *o) {
    char *end;

    o->first = strtoull(text, &end, 10);
    o->last = o->first;
    if (strncmp(end, "..", 2) == 0) {
        o->last = strtoull(end + 2, &end, 10);
    }
    return *end == '\0' && end != text && o->first <= o->last;
}

static struct options parse(int count, char **word) {
    struct options o = {.first = 1, .last = 1};

    for (int i = 1; i < count && !o.bad; i++) {
        bool has_next = i + 1 < count;
        if ((strcmp(word[i], "--seed") == 0 || strcmp(word[i], "--seeds") == 0) && has_next) {
            o.bad = !parse_range(word[++i], &o);
        } else if (strcmp(word[i], "--scenario") == 0 && has_next) {
            o.scenario = word[++i];
        } else if (strcmp(word[i], "--also") == 0 && has_next) {
            o.also = word[++i];
        } else if (strcmp(word[i], "--script") == 0 && has_next) {
            o.script = word[++i];
        } else if (strcmp(word[i], "--trace") == 0) {
            o.trace = true;
        } else if (strcmp(word[i], "--verbose") == 0) {
            o.verbose = true;
        } else if (strcmp(word[i], "--stop") == 0) {
            o.stop = true;
        } else if (strcmp(word[i], "--list") == 0) {
            o.list = true;
        } else {
            o.bad = true;
        }
    }
    return o;
}

/* The seeds that found something once; false: the file cannot be read. */
static bool run_file(const struct options *o, unsigned *passed, unsigned *failed) {
    static FILE *file; /* survives the longjmp */
    struct options one = *o;
    char line[200], scenario[20];
    unsigned long long seed;

    file = fopen(o->also, "r");
    if (file == NULL) {
        fprintf(stderr, "sim: cannot read %s\n", o->also);
        return false;
    }
    one.scenario = scenario;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%llu %19s", &seed, scenario) == 2) {
            *(run_seed(seed, &one) ? passed : failed) += 1;
        }
    }
    fclose(file);
    return true;
}

int main(int count, char **word) {
    struct options o = parse(count, word);
    static unsigned passed, failed; /* survive the longjmp */

    if (o.bad) {
        fprintf(stderr, "usage: sim --script FILE | --seed N | --seeds A..B [--scenario NAME] "
                "[--trace] [--verbose] [--stop] [--also FILE] [--list]\n");
        return 2;
    }
    if (o.list) {
        scenario_list();
        return 0;
    }
    if (o.script != NULL) {
        return script_run(o.script);
    }
    signal(SIGALRM, on_signal);
    signal(SIGSEGV, on_signal);
    for (uint64_t seed = o.first; seed <= o.last && !(o.stop && failed); seed++) {
        if (run_seed(seed, &o)) {
            passed++;
        } else {
            failed++;
        }
    }
    if (o.also != NULL && !run_file(&o, &passed, &failed)) {
        return 2;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
