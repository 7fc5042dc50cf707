/* chaos: threads that make system calls at random, with arguments that are half right, while they
 * count on pages that they all write.
 *
 * `chaos SEED ROUNDS THREADS FILE [fatal]`: prints "chaos ok" when every count is what it must be;
 * no call may end the program or stop it for long. fatal: in the midst of it one thread touches
 * what is not there, and the program ends by SIGSEGV, 139.
 *
 * What would break the program itself is left out: the exits, set_tid_address and set_thread_area
 * (musl's locks and TLS), unmapping outside the zone, calls that wait for ever. */
/* lisse-cc: -pthread */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, THREADS_MAX = 32, BUFFER_PAGES = 24, COUNT_PAGES = 8, ZONE_PAGES = 96 };
enum { FD_FIRST = 3, CHILDREN_MAX = 200 };
#define ZONE 0x60000000u /* where areas come and go; only system calls touch it */

struct actor {
    uint64_t state;
    uint32_t number;
    uint32_t counted[COUNT_PAGES];
};

static struct actor actor[THREADS_MAX];
static uint8_t *buffers; /* always there, nobody trusts what is in them; no right behind them */
static uint32_t *counts;            /* word 16 of each page: incremented by everybody */
static const char *file_name;
static uint32_t rounds, threads, done, children;
static int fatal;

static uint32_t random_below(struct actor *a, uint32_t limit)
{
    a->state = a->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(a->state >> 33) % limit;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static uint32_t pointer(struct actor *a)
{
    static const uint32_t bad[] = { 0, 1, 0xFFF, 0x110000, 0xBFFFFFFF, 0xBFFFF000, 0xC0000000,
                                    0xC0101000, 0xF0000000, 0xFFFFF000, 0xFFFFFFFF };
    uint32_t kind = random_below(a, 16);

    if (kind < 9) {
        return (uint32_t)buffers + random_below(a, (BUFFER_PAGES - 4) * PAGE);
    }
    if (kind < 13) {
        return ZONE + random_below(a, ZONE_PAGES * PAGE);
    }
    return kind < 14 ? (uint32_t)(buffers + BUFFER_PAGES * PAGE) - random_below(a, 300)
                     : bad[random_below(a, sizeof(bad) / sizeof(bad[0]))];
}

static uint32_t descriptor(struct actor *a)
{
    return random_below(a, 12) == 0 ? 0u - 1 - random_below(a, 3) : FD_FIRST + random_below(a, 66);
}

static uint32_t length(struct actor *a)
{
    static const uint32_t odd[] = { 0, 1, 4095, 4096, 4097, 20000, 0x7FFFFFFF, 0xFFFFFFFF };

    return random_below(a, 3) == 0 ? odd[random_below(a, 8)] : random_below(a, 12000);
}

/* In the zone; or so that it cannot be meant. */
static uint32_t zone_bytes(struct actor *a, uint32_t from)
{
    uint32_t left = (ZONE + ZONE_PAGES * PAGE - from) / PAGE;

    return random_below(a, 12) == 0 ? 0xF0000000u + random_below(a, 5000)
                                    : (1 + random_below(a, left < 12 ? left : 12)) * PAGE;
}

static uint32_t zone_page(struct actor *a)
{
    return ZONE + random_below(a, ZONE_PAGES - 1) * PAGE + (random_below(a, 20) == 0);
}

static uint32_t protection(struct actor *a)
{
    static const uint8_t usual[] = { 3, 3, 3, 1, 0, 7, 2, 4 };

    return usual[random_below(a, 8)];
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void memory_call(struct actor *a)
{
    uint32_t at = zone_page(a), bytes = zone_bytes(a, at & ~4095u);

    switch (random_below(a, 8)) {
    case 0:
    case 1:
        (void)syscall(SYS_mmap2, at, bytes, protection(a), 0x32, -1, 0);
        break;
    case 2:
        (void)syscall(SYS_munmap, at, bytes);
        break;
    case 3:
        (void)syscall(SYS_mprotect, at, bytes, protection(a));
        break;
    case 4:
        (void)syscall(SYS_madvise, at, bytes % (ZONE_PAGES * PAGE), random_below(a, 6));
        break;
    case 5:
        (void)syscall(SYS_mremap, at, bytes, zone_bytes(a, at & ~4095u), 0, 0);
        break;
    case 6:
        (void)syscall(0x4C530003, random_below(a, 2) == 0 ? at : pointer(a), length(a));
        break;
    default:
        (void)syscall(SYS_brk, random_below(a, 2) == 0 ? 0 : 0xFFFFFFFFu - random_below(a, 9));
    }
}

/* A vector of random pieces, in the buffers or where else it falls. */
static uint32_t vector(struct actor *a, uint32_t *count)
{
    uint32_t at = pointer(a) & ~3u, *words = (uint32_t *)(buffers + random_below(a, 64) * 64);

    *count = random_below(a, 9) == 0 ? length(a) : 1 + random_below(a, 7);
    if (random_below(a, 4) == 0) {
        return at;
    }
    for (uint32_t i = 0; i < 7; i++) {
        words[2 * i] = pointer(a);
        words[2 * i + 1] = length(a);
    }
    return (uint32_t)words;
}

static void file_call(struct actor *a)
{
    uint32_t count, fd = descriptor(a), at = pointer(a), n = length(a);

    switch (random_below(a, 14)) {
    case 0:
        (void)syscall(SYS_open, random_below(a, 4) == 0 ? (char *)at : file_name, O_RDONLY);
        break;
    case 1: (void)syscall(SYS_close, fd); break;
    case 2: (void)syscall(SYS_read, fd, at, n); break;
    case 3: (void)syscall(SYS_pread64, fd, at, n, length(a), 0); break;
    case 4: at = vector(a, &count); (void)syscall(SYS_readv, fd | 4, at, count); break;
    case 5: at = vector(a, &count); (void)syscall(SYS_writev, fd | 4, at, count); break;
    case 6: (void)syscall(SYS_write, fd | 4, at, n); break;
    case 7: (void)syscall(SYS_lseek, fd, n, random_below(a, 4)); break;
    case 8: (void)syscall(SYS__llseek, fd, 0, n, at, random_below(a, 4)); break;
    case 9: (void)syscall(SYS_dup, fd); break;
    case 10: (void)syscall(SYS_dup2, fd, descriptor(a) | 4); break;
    case 11: (void)syscall(SYS_fstat64, fd, at); break;
    case 12: (void)syscall(SYS_stat64, random_below(a, 2) ? (char *)at : file_name, at); break;
    default: (void)syscall(SYS_fcntl64, fd, random_below(a, 6), descriptor(a) | 4);
    }
}

static void path_call(struct actor *a)
{
    uint32_t at = pointer(a), n = length(a);

    switch (random_below(a, 6)) {
    case 0: (void)syscall(SYS_access, at, 0); break;
    case 1: (void)syscall(SYS_readlink, at, pointer(a), n); break;
    case 2: (void)syscall(SYS_getcwd, at, n); break;
    case 3: (void)syscall(SYS_ioctl, descriptor(a), n, at); break;
    case 4: (void)syscall(SYS_poll, at, 1 + random_below(a, 70), 1); break;
    default: (void)syscall(SYS_statx, -100, at, random_below(a, 2) * 0x1000, 0, pointer(a));
    }
}

static void time_call(struct actor *a)
{
    struct { int32_t s, ns; } soon = { 0, (int32_t)random_below(a, 500000) };
    uint32_t at = pointer(a);

    switch (random_below(a, 12)) {
    case 0: (void)syscall(SYS_clock_gettime32, random_below(a, 10), at); break;
    case 1: (void)syscall(SYS_clock_gettime64, random_below(a, 10), at); break;
    case 2: (void)syscall(SYS_nanosleep, &soon, at); break;
    case 3: (void)syscall(SYS_gettimeofday_time32, at, 0); break;
    case 4: (void)syscall(SYS_uname, at); break;
    case 5: (void)syscall(SYS_sysinfo, at); break;
    case 6: (void)syscall(SYS_getrandom, at, length(a), 0); break;
    case 7: (void)syscall(SYS_getrusage, 0, at); break;
    case 8: (void)syscall(SYS_times, at); break;
    case 9: (void)syscall(SYS_prlimit64, 0, random_below(a, 16), 0, at); break;
    case 10: (void)syscall(SYS_sched_getaffinity, 0, length(a), at); break;
    default: (void)syscall(SYS_sched_yield);
    }
}

static void futex_call(struct actor *a)
{
    struct { int32_t s, ns; } soon = { 0, (int32_t)random_below(a, 500000) };
    uint32_t at = pointer(a), n = random_below(a, 3);

    at = random_below(a, 8) == 0 ? at : at & ~3u;
    switch (random_below(a, 8)) {
    case 0: (void)syscall(SYS_futex, at, 0, n, &soon, 0, 0); break;
    case 1: (void)syscall(SYS_futex, at, 128, 0, &soon, 0, 0); break;
    case 2: (void)syscall(SYS_futex, at, 1, n, 0, 0, 0); break;
    case 3: (void)syscall(SYS_futex, at, 9, n, &soon, 0, random_below(a, 4)); break;
    case 4: (void)syscall(SYS_futex, at, 10, length(a), 0, 0, random_below(a, 4)); break;
    case 5: (void)syscall(SYS_futex, at, 3 + n, 1, 1, pointer(a), 0); break;
    case 6: (void)syscall(SYS_futex_time64, at, 0, n, ZONE, 0, 0); break;
    default: (void)syscall(0x4C530001, at | 1, n); /* a barrier whose address is none */
    }
}

static void *child_main(void *unused)
{
    (void)__atomic_sub_fetch(&children, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void thread_call(struct actor *a)
{
    static const uint8_t harmless[] = { 0, 17, 23, 28, 65, 255 };
    uint32_t signal = harmless[random_below(a, 6)];
    pthread_t child;

    switch (random_below(a, 8)) {
    case 0: (void)syscall(SYS_kill, random_below(a, 40), signal); break;
    case 1: (void)syscall(SYS_tkill, random_below(a, 40), signal); break;
    case 2: (void)syscall(SYS_rt_sigaction, 40 + random_below(a, 30), 0, pointer(a), 8); break;
    case 3: (void)syscall(SYS_rt_sigpending, pointer(a)); break;
    case 4: (void)syscall(SYS_clone, 0x10000, pointer(a), 0, 0, 0); break; /* no VM */
    case 5: (void)syscall(480 + (long)random_below(a, 60)); break;
    case 6: (void)syscall(SYS_set_thread_area, 0xC0101000 + random_below(a, 9)); break;
    default:
        if (__atomic_add_fetch(&children, 1, __ATOMIC_SEQ_CST) > CHILDREN_MAX ||
            pthread_create(&child, NULL, child_main, NULL) != 0) {
            (void)__atomic_sub_fetch(&children, 1, __ATOMIC_SEQ_CST);
        } else {
            (void)pthread_detach(child);
        }
    }
}

/* ---- threads -------------------------------------------------------------------------------- */

static void count(struct actor *a)
{
    uint32_t page = random_below(a, COUNT_PAGES);

    a->counted[page]++;
    (void)__atomic_add_fetch(&counts[page * (PAGE / 4) + 16], 1, __ATOMIC_SEQ_CST);
}

static void (*const calls[])(struct actor *a) = {
    memory_call, memory_call, file_call, file_call, path_call, time_call, futex_call, futex_call,
    thread_call, count, count,
};

static void *act(void *of)
{
    struct actor *a = of;

    for (uint32_t i = 0; i < rounds; i++) {
        if (fatal && a->number == threads - 1 && i == rounds / 2) {
            *(volatile int *)(uintptr_t)(ZONE - PAGE) = 1;
        }
        calls[random_below(a, sizeof(calls) / sizeof(calls[0]))](a);
    }
    if (__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST) == threads) {
        (void)syscall(SYS_futex, &done, 1, 1, 0, 0, 0);
    }
    return NULL;
}

static void wait_for_all(void)
{
    for (uint32_t now; (now = __atomic_load_n(&done, __ATOMIC_SEQ_CST)) < threads;) {
        (void)syscall(SYS_futex, &done, 0, now, 0, 0, 0);
    }
}

static int check(void)
{
    for (uint32_t page = 0; page < COUNT_PAGES; page++) {
        uint32_t sum = 0, got = counts[page * (PAGE / 4) + 16];

        for (uint32_t i = 0; i < threads; i++) {
            sum += actor[i].counted[page];
        }
        if (sum != got) {
            printf("page %u was counted %u times and says %u\n", page, sum, got);
            return 1;
        }
    }
    printf("chaos ok\n");
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    if (argc < 5) {
        fprintf(stderr, "usage: chaos SEED ROUNDS THREADS FILE [fatal]\n");
        return 2;
    }
    rounds = (uint32_t)strtoul(argv[2], NULL, 10);
    threads = (uint32_t)strtoul(argv[3], NULL, 10) % (THREADS_MAX + 1);
    file_name = argv[4];
    fatal = argc > 5;
    buffers = mmap(NULL, 2 * BUFFER_PAGES * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)mprotect(buffers + BUFFER_PAGES * PAGE, BUFFER_PAGES * PAGE, PROT_NONE);
    counts = mmap(NULL, COUNT_PAGES * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (uint32_t i = 0; i < threads; i++) {
        actor[i].number = i;
        actor[i].state = strtoul(argv[1], NULL, 10) * 1000003u + i * 7919u + 1;
        if (pthread_create(&thread, NULL, act, &actor[i]) != 0) {
            fprintf(stderr, "no thread %u\n", i);
            return 3;
        }
    }
    wait_for_all();
    return check();
}
