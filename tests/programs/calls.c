/* calls: system calls one by one, with what they must answer; the same output on Linux and Lisse.
 *
 * `calls FILE`, stdin at its end (`< /dev/null`). Each section prints "NAME ok", or the lines of
 * the checks that failed; exit code 1 if any did. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static const char *file_name;
static int failed;         /* in this section */
static int failed_ever;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define FAILS(call, code) (errno = 0, (call) == -1 && errno == (code))

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("line %d: %s (errno %d)\n", line, what, errno);
        failed = 1;
    }
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec t = { .tv_sec = 0 };

    CHECK(clock_gettime(clock, &t) == 0);
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void time_section(void)
{
    struct timespec wait = { .tv_nsec = 20000000 };
    struct timespec resolution = { .tv_sec = 1 };
    struct timeval now = { .tv_sec = 0 };
    int64_t before = clock_us(CLOCK_MONOTONIC);
    int64_t start = before;

    for (int i = 0; i < 1000; i++) {
        int64_t next = clock_us(CLOCK_MONOTONIC);

        CHECK(next >= before);
        before = next;
    }
    start = clock_us(CLOCK_MONOTONIC);
    CHECK(nanosleep(&wait, NULL) == 0);
    CHECK(clock_us(CLOCK_MONOTONIC) - start >= 20000);
    CHECK(clock_us(CLOCK_MONOTONIC) - start < 5000000);
    (void)clock_gettime(CLOCK_MONOTONIC, &wait);
    wait.tv_sec += 1;
    start = clock_us(CLOCK_MONOTONIC);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wait, NULL) == 0);
    CHECK(clock_us(CLOCK_MONOTONIC) - start > 500000);
    wait.tv_nsec = -1;
    CHECK(FAILS(nanosleep(&wait, NULL), EINVAL));
    CHECK(gettimeofday(&now, NULL) == 0);
    CHECK(llabs((int64_t)now.tv_sec * 1000000 - clock_us(CLOCK_REALTIME)) < 3000000);
    CHECK(time(NULL) > 1600000000);
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0);
    CHECK(FAILS(clock_gettime(9999, &wait), EINVAL));
}

static void machine_section(void)
{
    struct utsname name = { .sysname = "" };
    struct sysinfo info = { .totalram = 0 };
    struct rusage usage;
    struct rlimit limit;
    struct tms tms;
    unsigned char random[2][16] = { { 0 } };
    cpu_set_t cpus;

    CHECK(uname(&name) == 0 && name.sysname[0] != '\0' && name.machine[0] != '\0');
    CHECK(sysinfo(&info) == 0 && info.totalram > 0 && info.procs > 0);
    CHECK(getrandom(random[0], 16, 0) == 16 && getrandom(random[1], 16, 0) == 16);
    CHECK(memcmp(random[0], random[1], 16) != 0);
    CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) >= 1);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) == CPU_COUNT(&cpus));
    CHECK(sched_yield() == 0);
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 65536);
    CHECK(times(&tms) != (clock_t)-1);
    CHECK(getpid() > 0 && getpid() == gettid() && getppid() >= 0);
    CHECK(getuid() == geteuid() && getgid() == getegid());
    CHECK(getauxval(AT_PAGESZ) == PAGE && getauxval(AT_RANDOM) != 0);
    CHECK(getauxval(AT_PHNUM) > 0 && getauxval(AT_ENTRY) != 0);
}

static void brk_section(void)
{
    unsigned long start = (unsigned long)syscall(SYS_brk, 0);
    unsigned long end = start + 5 * PAGE + 100;
    unsigned char *bytes = (unsigned char *)start;

    CHECK(start != 0);
    CHECK((unsigned long)syscall(SYS_brk, end) == end);
    CHECK(bytes[0] == 0 && bytes[5 * PAGE + 99] == 0);
    memset(bytes, 0xAA, 5 * PAGE + 100);
    CHECK((unsigned long)syscall(SYS_brk, start + PAGE) == start + PAGE);
    CHECK((unsigned long)syscall(SYS_brk, end) == end);
    CHECK(bytes[PAGE - 1] == 0xAA && bytes[4 * PAGE] == 0);
    CHECK((unsigned long)syscall(SYS_brk, 0xFFFFF000ul) == end);
    CHECK((unsigned long)syscall(SYS_brk, start) == start);
}

static int holds(const unsigned char *bytes, size_t count, unsigned char value)
{
    size_t i = 0;

    while (i < count && bytes[i] == value) {
        i++;
    }
    return i == count;
}

static unsigned char *map(void *at, size_t bytes, int flags)
{
    return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void mmap_section(void)
{
    unsigned char *a = map(NULL, 16 * PAGE, 0);
    unsigned char *b;

    CHECK(a != MAP_FAILED && (uintptr_t)a % PAGE == 0);
    if (a == MAP_FAILED) {
        return;
    }
    CHECK(holds(a, 16 * PAGE, 0));
    memset(a, 0x55, 16 * PAGE);
    CHECK(munmap(a + 4 * PAGE, 2 * PAGE) == 0);
    b = map(a + 4 * PAGE, 2 * PAGE, MAP_FIXED);
    CHECK(b == a + 4 * PAGE && holds(b, 2 * PAGE, 0));
    CHECK(holds(a + 3 * PAGE, PAGE, 0x55) && holds(a + 6 * PAGE, PAGE, 0x55));
    CHECK(mprotect(a, PAGE, PROT_READ) == 0 && a[0] == 0x55);
    CHECK(mprotect(a, PAGE, PROT_READ | PROT_WRITE) == 0);
    a[0] = 1;
    CHECK(mprotect(a, PAGE, PROT_NONE) == 0 && mprotect(a, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(a[0] == 1 && a[1] == 0x55);
    CHECK(madvise(a, 4 * PAGE, MADV_WILLNEED) == 0 && a[1] == 0x55);
    CHECK(munmap(a, 16 * PAGE) == 0);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
          && errno == EINVAL);
    CHECK(FAILS(munmap((void *)100, PAGE), EINVAL));
    CHECK(FAILS(mprotect((void *)PAGE, PAGE, PROT_READ), ENOMEM));
}

static void mremap_section(void)
{
    unsigned char *a = map(NULL, 4 * PAGE, 0);
    unsigned char *b;

    memset(a, 0x33, 4 * PAGE);
    b = mremap(a, 4 * PAGE, 40 * PAGE, MREMAP_MAYMOVE);
    CHECK(b != MAP_FAILED);
    if (b == MAP_FAILED) {
        return;
    }
    CHECK(holds(b, 4 * PAGE, 0x33) && holds(b + 4 * PAGE, 36 * PAGE, 0));
    memset(b + 39 * PAGE, 0x44, PAGE);
    CHECK(mremap(b, 40 * PAGE, 2 * PAGE, MREMAP_MAYMOVE) == b && holds(b, 2 * PAGE, 0x33));
    CHECK(munmap(b, 2 * PAGE) == 0);
    a = malloc(300000);   /* beyond the libc's threshold: mmap, then mremap */
    CHECK(a != NULL);
    memset(a, 0x77, 300000);
    a = realloc(a, 900000);
    CHECK(a != NULL && holds(a, 300000, 0x77));
    free(a);
}

static void terminal_section(void)
{
    struct iovec out[3] = { { (void *)"terminal: ", 10 }, { (void *)"", 0 },
                            { (void *)"written in three parts\n", 23 } };
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    struct pollfd bad = { .fd = 77, .events = POLLIN };
    struct winsize size;
    char byte;

    (void)fflush(stdout);
    CHECK(writev(STDOUT_FILENO, out, 3) == 33);
    CHECK(write(STDOUT_FILENO, "", 0) == 0);
    CHECK(FAILS(write(77, "x", 1), EBADF));
    CHECK(FAILS(write(STDOUT_FILENO, (void *)8, 4), EFAULT));
    CHECK(FAILS(ioctl(STDOUT_FILENO, TIOCGWINSZ, &size), ENOTTY));
    CHECK(poll(&in, 1, 5000) == 1 && (in.revents & (POLLIN | POLLHUP)) != 0);
    CHECK(read(STDIN_FILENO, &byte, 1) == 0);
    CHECK(poll(&bad, 1, 0) == 1 && bad.revents == POLLNVAL);
    CHECK(poll(NULL, 0, 10) == 0);
}

static void file_section(void)
{
    char sequential[256], parts[2][128], apart[128];
    struct iovec in[2] = { { parts[0], 128 }, { parts[1], 128 } };
    struct stat from_name, from_fd;
    int fd = open(file_name, O_RDONLY);
    int copy;
    off_t size;

    CHECK(fd > 2);
    CHECK(fstat(fd, &from_fd) == 0 && S_ISREG(from_fd.st_mode));
    CHECK(stat(file_name, &from_name) == 0 && from_name.st_size == from_fd.st_size);
    CHECK(access(file_name, R_OK) == 0 && FAILS(access("no-such-file", R_OK), ENOENT));
    CHECK(FAILS(open("no-such-file", O_RDONLY), ENOENT));
    size = lseek(fd, 0, SEEK_END);
    CHECK(size == from_fd.st_size && size > 256);
    CHECK(read(fd, sequential, 1) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, sequential, 256) == 256);
    CHECK(lseek(fd, -256, SEEK_CUR) == 0 && readv(fd, in, 2) == 256);
    CHECK(memcmp(sequential, parts[0], 128) == 0 && memcmp(sequential + 128, parts[1], 128) == 0);
    CHECK(pread(fd, apart, 128, 64) == 128 && memcmp(apart, sequential + 64, 128) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 256);
    CHECK(FAILS(lseek(fd, -1, SEEK_SET), EINVAL));
    copy = dup(fd);
    CHECK(copy > fd && lseek(copy, 10, SEEK_SET) == 10 && lseek(fd, 0, SEEK_CUR) == 10);
    CHECK(fcntl(fd, F_GETFL) >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(FAILS(write(fd, "x", 1), EBADF));
    CHECK(FAILS(read(fd, (void *)8, 16), EFAULT));
    CHECK(close(fd) == 0 && FAILS(close(fd), EBADF) && read(copy, apart, 1) == 1);
    CHECK(close(copy) == 0);
    CHECK(getcwd(sequential, sizeof(sequential)) != NULL && sequential[0] == '/');
}

static void unknown_section(void)
{
    CHECK(FAILS(syscall(9999), ENOSYS));
    CHECK(FAILS(syscall(0x4C53FFFF), ENOSYS));
}

/* The registers of the FPU belong to the thread: three do the same sums, interrupted. */
static void *float_body(void *result)
{
    long double sum = 0.0L;

    for (int i = 1; i < 20000; i++) {
        sum += 1.0L / i;
        if (i % 1000 == 0) {
            (void)sched_yield();
        }
    }
    *(long double *)result = sum;
    return NULL;
}

static void float_section(void)
{
    static long double sums[3];
    pthread_t thread[3];

    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&thread[i], NULL, float_body, &sums[i]) == 0);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    CHECK(sums[0] == sums[1] && sums[1] == sums[2]);
    printf("sum %.15Lf\n", sums[0]);
}

static void section(const char *name, void (*run)(void))
{
    failed = 0;
    run();
    printf("%s %s\n", name, failed ? "FAILED" : "ok");
    failed_ever |= failed;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: calls FILE < /dev/null\n");
        return 2;
    }
    file_name = argv[1];
    section("time", time_section);
    section("machine", machine_section);
    section("brk", brk_section);
    section("mmap", mmap_section);
    section("mremap", mremap_section);
    section("terminal", terminal_section);
    section("file", file_section);
    section("unknown", unknown_section);
    section("float", float_section);
    return failed_ever;
}
