/* mgs: Modified Gram-Schmidt over shared memory, an ordinary pthreads program. [RR 5]
 *
 * Main reads the options and the matrix, starts the threads (it is the first one itself), and
 * reports. Exit code: 0; 1 the factorisation or its --check failed; 2 bad options or a bad file,
 * with one message that says what to do. */
/* lisse-cc: -pthread -lm */
#include "apps/mgs/check.h"
#include "apps/mgs/mgs.h"
#include "apps/mgs/mm.h"
#include "apps/mgs/options.h"
#include "apps/mgs/report.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2

/* The CPUs that the program may use; on Lisse, one for each node. */
static uint32_t threads_default(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count < 1 ? 1 : count > (int)MGS_THREADS_MAX ? MGS_THREADS_MAX : (uint32_t)count;
}

static int path_choose(const struct options *o, char *const *envp, enum kernel_path *path)
{
    int has_sse2 = kernel_has_sse2(envp);

    if (o->fp == FP_SSE2 && !has_sse2) {
        fprintf(stderr, "mgs: --fp sse2, but not every CPU of this job has SSE2; "
                "leave it out, or boot nodes that have it (./lisse run --cpu max)\n");
        return -1;
    }
    *path = has_sse2 && o->fp != FP_X87 ? KERNEL_SSE2 : KERNEL_X87;
    return 0;
}

static int matrix_load(const char *path, struct mm_matrix *file)
{
    char error[MM_ERROR_MAX];

    if (mm_load(path, file, error) != 0) {
        fprintf(stderr, "mgs: %s\n", error);
        return -1;
    }
    if (file->cols > file->rows) {
        fprintf(stderr, "mgs: %s: %u columns of %u elements cannot be independent of each other; "
                "transpose the matrix\n", path, (unsigned)file->cols, (unsigned)file->rows);
        return -1;
    }
    if (file->cols > MGS_COLS_MAX) {
        fprintf(stderr, "mgs: %s: %u columns are more than the limit of %u; "
                "take a smaller matrix\n", path, (unsigned)file->cols, MGS_COLS_MAX);
        return -1;
    }
    return 0;
}

/* What is to be done, from the options. */
static int wish_make(const struct options *o, char *const *envp, struct mgs *wanted)
{
    struct mm_matrix file = { .rows = (uint32_t)o->n, .cols = (uint32_t)o->n };

    *wanted = (struct mgs){ .seed = o->seed, .packed = o->packed };
    if (path_choose(o, envp, &wanted->path) != 0
        || (o->file != NULL && matrix_load(o->file, &file) != 0)) {
        return -1;
    }
    wanted->threads = o->threads != 0 ? (uint32_t)o->threads : threads_default();
    wanted->rows = file.rows;
    wanted->cols = file.cols;
    wanted->file = file.values;
    wanted->verify = o->check ? MGS_VERIFY_ALL : o->loop_only ? MGS_VERIFY_NONE : MGS_VERIFY_LOSS;
    return 0;
}

static void *thread_main(void *worker)
{
    mgs_worker_run(worker);
    return NULL;
}

/* Runs the factorisation in all threads; main is the first of them. */
static int threads_run(struct mgs *m)
{
    pthread_t thread[MGS_THREADS_MAX];

    for (uint32_t i = 1; i < m->threads; i++) {
        int error = pthread_create(&thread[i], NULL, thread_main, &m->workers[i]);

        if (error != 0) {
            fprintf(stderr, "mgs: cannot start thread %u of %u: %s; ask for fewer with -t\n",
                    (unsigned)i + 1, (unsigned)m->threads, strerror(error));
            return -1;
        }
    }
    mgs_worker_run(&m->workers[0]);
    for (uint32_t i = 1; i < m->threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    return 0;
}

/* The first column that had no norm to divide by, if any. */
static int failure_report(const struct mgs *m)
{
    const struct mgs_worker *first = NULL;

    for (uint32_t i = 0; i < m->threads; i++) {
        const struct mgs_worker *w = &m->workers[i];

        if (w->failed != 0 && (first == NULL || w->failed < first->failed)) {
            first = w;
        }
    }
    if (first == NULL) {
        return 0;
    }
    fprintf(stderr, first->failed_zero
            ? "mgs: column %u is a combination of those before it (nothing is left of it); "
              "take it out of the matrix\n"
            : "mgs: column %u has no finite norm (its elements are too large, or it was spoilt); "
              "scale the matrix\n", (unsigned)first->failed);
    return -1;
}

static int result_report(const struct options *o, const struct mgs *m)
{
    struct check check = { .loss = 0.0 };
    struct report report = { .mgs = m, .check = &check, .name = o->file,
                             .checksum = report_checksum(m) };
    FILE *out = o->dump ? stderr : stdout;

    check_judge(m, &check);
    if (o->dump && report_dump(stdout, m) != 0) {
        fprintf(stderr, "mgs: Q and R could not be written to stdout; is it closed or full?\n");
        return EXIT_FAILED;
    }
    if (o->json) {
        report_json(out, &report);
    } else {
        report_text(out, &report);
    }
    return check.reason == NULL ? EXIT_SUCCESS : EXIT_FAILED;
}

int main(int argc, char **argv, char **envp)
{
    struct options options;
    struct mgs wanted;
    struct mgs *m;

    if (options_parse(argc, argv, &options) != 0) {
        return EXIT_USAGE;
    }
    if (options.help) {
        fputs(options_help, stdout);
        return EXIT_SUCCESS;
    }
    if (wish_make(&options, envp, &wanted) != 0) {
        return EXIT_USAGE;
    }
    m = mgs_create(&wanted);
    if (m == NULL) {
        fprintf(stderr, "mgs: no memory for Q and R of %u x %u; take a smaller matrix, "
                "or more or larger nodes\n", (unsigned)wanted.rows, (unsigned)wanted.cols);
        return EXIT_FAILED;
    }
    if (threads_run(m) != 0 || failure_report(m) != 0) {
        return EXIT_FAILED;
    }
    return result_report(&options, m);
}
