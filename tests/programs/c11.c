/* c11: the threads of C11 (threads.h) and its atomics.
 *
 * `c11 [ROUNDS]` (40). Sections print one line each that is the same everywhere; exit code 1 when
 * something is not as the standard says. */
/* lisse-cc: -pthread */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#define THREADS 5

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static int rounds = 40;

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s\n", line, what);
        exit(1);
    }
}

/* Runs body in THREADS threads; the sum of their results. */
static int run(thrd_start_t body)
{
    thrd_t thread[THREADS];
    int sum = 0, result;

    for (intptr_t i = 0; i < THREADS; i++) {
        CHECK(thrd_create(&thread[i], body, (void *)i) == thrd_success);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(thrd_join(thread[i], &result) == thrd_success);
        sum += result;
    }
    return sum;
}

/* ---- mutexes --------------------------------------------------------------------------------- */

static mtx_t plain, recursive, timed;
static int guarded[2];

static int mutex_body(void *arg)
{
    for (int i = 0; i < rounds; i++) {
        CHECK(mtx_lock(&plain) == thrd_success);
        guarded[0]++;
        CHECK(mtx_unlock(&plain) == thrd_success);
        CHECK(mtx_lock(&recursive) == thrd_success);
        CHECK(mtx_trylock(&recursive) == thrd_success);
        guarded[1] += 2;
        CHECK(mtx_unlock(&recursive) == thrd_success);
        CHECK(mtx_unlock(&recursive) == thrd_success);
    }
    return (int)(intptr_t)arg;
}

static int timed_body(void *arg)
{
    struct timespec end;

    CHECK(timespec_get(&end, TIME_UTC) == TIME_UTC);
    end.tv_nsec += 20000000;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    CHECK(mtx_trylock(&timed) == thrd_busy);
    CHECK(mtx_timedlock(&timed, &end) == thrd_timedout);
    return arg == NULL ? 0 : 1;
}

static void mutex_section(void)
{
    CHECK(mtx_init(&plain, mtx_plain) == thrd_success);
    CHECK(mtx_init(&recursive, mtx_plain | mtx_recursive) == thrd_success);
    CHECK(mtx_init(&timed, mtx_timed) == thrd_success);
    CHECK(run(mutex_body) == 10);
    printf("mtx: %d %d\n", guarded[0], guarded[1]);
    CHECK(mtx_lock(&timed) == thrd_success);
    printf("mtx_timedlock: %d timed out\n", run(timed_body) + 1);
    CHECK(mtx_unlock(&timed) == thrd_success);
    mtx_destroy(&plain);
    mtx_destroy(&recursive);
    mtx_destroy(&timed);
}

/* ---- conditions: a token goes round ---------------------------------------------------------- */

static mtx_t turn_mutex;
static cnd_t turn_changed[THREADS];
static int turn;
static char order[4 * THREADS + 1];

static int turn_body(void *arg)
{
    int self = (int)(intptr_t)arg;

    for (int i = 0; i < 4; i++) {
        CHECK(mtx_lock(&turn_mutex) == thrd_success);
        while (turn % THREADS != self) {
            CHECK(cnd_wait(&turn_changed[self], &turn_mutex) == thrd_success);
        }
        order[turn++] = (char)('a' + self);
        CHECK(cnd_signal(&turn_changed[(self + 1) % THREADS]) == thrd_success);
        CHECK(mtx_unlock(&turn_mutex) == thrd_success);
    }
    return 1;
}

static void condition_section(void)
{
    CHECK(mtx_init(&turn_mutex, mtx_plain) == thrd_success);
    for (int i = 0; i < THREADS; i++) {
        CHECK(cnd_init(&turn_changed[i]) == thrd_success);
    }
    CHECK(run(turn_body) == THREADS);
    printf("cnd: %s\n", order);
    for (int i = 0; i < THREADS; i++) {
        cnd_destroy(&turn_changed[i]);
    }
    mtx_destroy(&turn_mutex);
}

/* ---- thread-specific storage, once, _Thread_local -------------------------------------------- */

static tss_t key;
static once_flag once = ONCE_FLAG_INIT;
static int once_count;
static atomic_int destroyed;
static _Thread_local int mine = 3;
static _Thread_local char *text = "initial";

static void once_body(void)
{
    once_count++;
}

static void destroy(void *value)
{
    atomic_fetch_add(&destroyed, (int)(intptr_t)value);
    if ((intptr_t)value == 100) { /* set again: destroyed again */
        CHECK(tss_set(key, (void *)1000) == thrd_success);
    }
}

static int storage_body(void *arg)
{
    call_once(&once, once_body);
    CHECK(once_count == 1);
    CHECK(tss_get(key) == NULL && mine == 3 && strcmp(text, "initial") == 0);
    mine += (int)(intptr_t)arg;
    text = "mine";
    CHECK(tss_set(key, arg == NULL ? (void *)100 : arg) == thrd_success);
    thrd_yield();
    CHECK(mine == 3 + (int)(intptr_t)arg && strcmp(text, "mine") == 0);
    if ((intptr_t)arg == 2) {
        thrd_exit(mine);
    }
    return mine;
}

static void storage_section(void)
{
    CHECK(tss_create(&key, destroy) == thrd_success);
    CHECK(run(storage_body) == 3 * THREADS + 10);
    printf("tss: destroyed %d, once %d, mine %d\n", atomic_load(&destroyed), once_count, mine);
    tss_delete(key);
}

/* ---- detached threads, sleep, atomics -------------------------------------------------------- */

static atomic_int detached_done;
static atomic_flag flag = ATOMIC_FLAG_INIT;
static int flagged;
static _Atomic uint64_t wide;
static _Atomic uint8_t narrow;
static _Atomic short middle;

static int detached_body(void *arg)
{
    struct timespec span = { 0, 1000000 * (1 + (intptr_t)arg) };

    CHECK(thrd_sleep(&span, NULL) == 0);
    atomic_fetch_add(&detached_done, 1);
    return 0;
}

static int atomic_body(void *arg)
{
    for (int i = 0; i < rounds; i++) {
        uint64_t seen = atomic_load(&wide);

        while (!atomic_compare_exchange_weak(&wide, &seen, seen + 0x100000001u)) {
        }
        atomic_fetch_add(&narrow, 3);
        atomic_fetch_sub(&middle, 2);
        while (atomic_flag_test_and_set(&flag)) {
            thrd_yield();
        }
        flagged++;
        atomic_flag_clear(&flag);
    }
    return (int)(intptr_t)arg;
}

static void atomic_section(void)
{
    thrd_t thread;

    for (intptr_t i = 0; i < THREADS; i++) {
        CHECK(thrd_create(&thread, detached_body, (void *)i) == thrd_success);
        CHECK(thrd_detach(thread) == thrd_success);
    }
    CHECK(run(atomic_body) == 10);
    while (atomic_load(&detached_done) < THREADS) {
        thrd_yield();
    }
    printf("atomics: %016llx %u %d %d, detached %d\n", (unsigned long long)atomic_load(&wide),
           (unsigned)atomic_load(&narrow), (int)atomic_load(&middle), flagged, detached_done);
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? atoi(argv[1]) : rounds;
    mutex_section();
    condition_section();
    storage_section();
    atomic_section();
    CHECK(thrd_equal(thrd_current(), thrd_current()));
    return 0;
}
