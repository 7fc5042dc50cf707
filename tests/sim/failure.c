/* Prints why a seed failed and leaves it by longjmp; see failure.h. Runs in the simulator only.
 * Nothing that a seed has allocated survives: world_free() walks what main.c still holds. */
#include "tests/sim/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapt/base.h"

jmp_buf failure_exit;
static uint64_t seed_now;
static const char *scenario_now = "", *details_now = "";

void failure_begin(uint64_t seed, const char *scenario, const char *details) {
    seed_now = seed;
    scenario_now = scenario;
    details_now = details;
}

static void begin(const char *who) {
    tracing_last_lines();
    printf("seed %llu FAILED %s %s\n  %s: ", (unsigned long long)seed_now, scenario_now,
           details_now, who);
}

/* What was tested; only asked for when something has failed. */
static void print_commit(void) {
    char text[80] = "unknown";
    FILE *git = popen("git describe --always --dirty 2> /dev/null", "r");

    if (git != NULL) {
        if (fgets(text, sizeof(text), git) != NULL) {
            text[strcspn(text, "\n")] = '\0';
        }
        pclose(git);
    }
    printf("\n  commit %s", text);
}

static void end(void) __attribute__((noreturn));
static void end(void) {
    print_commit();
    printf("\n  replay: build/sim/sim --seed %llu --scenario %s --trace\n",
           (unsigned long long)seed_now, scenario_now);
    fflush(stdout);
    longjmp(failure_exit, 1);
}

void sim_fail(const char *who, const char *format, ...) {
    va_list list;

    begin(who);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    end();
}

void assert_failed(const char *what, const char *file, int line) {
    begin("assertion of the core");
    printf("%s, %s:%d", what, file, line);
    end();
}
