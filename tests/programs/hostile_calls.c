/* hostile_calls: system calls with arguments that no program means; each must be refused with the
 * right errno, and the program goes on. The same output on Linux and Lisse.
 *
 * `hostile_calls FILE`. Each section prints "NAME ok", or the calls that were answered wrongly;
 * exit code 1 if any was. Linux's own numbers of i386 stand here, since the calls are made by hand:
 * a C library would never let most of them through. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, NO_FD = 63 };
#define KERNEL   0xC0101000u /* mapped, and not for us */
#define TOP      0xBFFFFFFCu /* the last word below the kernel, Lisse's and Linux's of 32 bits */
#define WRAP     0xFFFFFFF8u
#define NONSENSE 0x40000003u
#define HOLE     0x20000000u /* nothing is mapped there */

static int failed;
static char *edge; /* one byte behind a page that can be written; the next page has no right */
static char *constant; /* a page that can only be read */
static char *nothing;  /* a page without any right */
static const char *file_name;
static int file;       /* open for reading */

#define REFUSED(code, ...) refused(code, syscall(__VA_ARGS__), #__VA_ARGS__)
#define GIVES(value, ...)  gives(value, syscall(__VA_ARGS__), #__VA_ARGS__)

static void refused(int code, long result, const char *what)
{
    if (result != -1 || errno != code) {
        printf("%s: %ld, %s instead of %s\n", what, result, strerror(result == -1 ? errno : 0),
               strerror(code));
        failed = 1;
    }
}

static void gives(long value, long result, const char *what)
{
    if (result != value) {
        printf("%s: %ld (%s) instead of %ld\n", what, result, strerror(errno), value);
        failed = 1;
    }
}

static char *map(int protection, uint32_t pages)
{
    return mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void numbers_section(void)
{
    REFUSED(ENOSYS, 511);
    REFUSED(ENOSYS, 512);
    REFUSED(ENOSYS, 513);
    REFUSED(ENOSYS, 100000);
    REFUSED(ENOSYS, 0x7FFFFFFF);
    REFUSED(ENOSYS, -1);
    REFUSED(ENOSYS, INT32_MIN);
    REFUSED(ENOSYS, 0x4C530000);
    REFUSED(ENOSYS, 0x4C53000F);
    REFUSED(ENOSYS, 0x4C530010);
}

static void write_section(void)
{
    struct { uint32_t base, bytes; } v[2] = { { KERNEL, 4 }, { (uint32_t)edge - 1, 1 } };

    REFUSED(EFAULT, SYS_write, 1, KERNEL, 1);
    REFUSED(EFAULT, SYS_write, 1, 0, 1);
    REFUSED(EFAULT, SYS_write, 1, edge, 1);
    REFUSED(EFAULT, SYS_write, 1, nothing, 1);
    REFUSED(EFAULT, SYS_write, 1, TOP, -1);
    REFUSED(EFAULT, SYS_write, 1, WRAP, 16);
    REFUSED(EBADF, SYS_write, -1, constant, 1);
    REFUSED(EBADF, SYS_write, NO_FD, constant, 1);
    REFUSED(EBADF, SYS_write, file, constant, 1);
    GIVES(0, SYS_write, 1, constant, 0);
    REFUSED(EFAULT, SYS_writev, 1, v, 1);
    REFUSED(EFAULT, SYS_writev, 1, KERNEL, 1);
    REFUSED(EFAULT, SYS_writev, 1, edge - 4, 1);
    REFUSED(EFAULT, SYS_writev, 1, WRAP, 2);
    REFUSED(EINVAL, SYS_writev, 1, v, -1);
    REFUSED(EINVAL, SYS_writev, 1, v, 1025);
    GIVES(0, SYS_writev, 1, v, 0);
    REFUSED(EFAULT, SYS_write, 1, HOLE, 0x7FFFFFFF);
}

static void read_section(void)
{
    struct { uint32_t base, bytes; } v[2] = { { KERNEL, 4 }, { (uint32_t)edge - 1, 1 } };

    REFUSED(EFAULT, SYS_read, file, KERNEL, 1);
    REFUSED(EFAULT, SYS_read, file, 0, 1);
    REFUSED(EFAULT, SYS_read, file, edge, 1);
    REFUSED(EFAULT, SYS_read, file, constant, 1);
    REFUSED(EFAULT, SYS_read, file, nothing, 1);
    REFUSED(EFAULT, SYS_read, file, WRAP, 16);
    REFUSED(EBADF, SYS_read, NO_FD, edge - 1, 1);
    REFUSED(EFAULT, SYS_readv, file, v, 1);
    REFUSED(EFAULT, SYS_readv, file, WRAP, 2);
    REFUSED(EINVAL, SYS_readv, file, v, -1);
    REFUSED(EINVAL, SYS_readv, file, v, 1025);
    v[0].base = (uint32_t)edge - 8;
    v[0].bytes = 0xFFFFFFFF;
    REFUSED(EINVAL, SYS_readv, file, v, 2);
    REFUSED(EFAULT, SYS_pread64, file, constant, 8, 0, 0);
    REFUSED(EINVAL, SYS_pread64, file, edge - 8, 8, 0, -1);
    REFUSED(EBADF, SYS_pread64, -1, edge - 8, 8, 0, 0);
    REFUSED(EINVAL, SYS_lseek, file, 0, 99);
    REFUSED(EINVAL, SYS_lseek, file, -1, 0);
    REFUSED(EFAULT, SYS__llseek, file, 0, 0, KERNEL, 0);
    REFUSED(EBADF, SYS_lseek, 0x7FFFFFFF, 0, 0);
}

static void path_section(void)
{
    static char longest[5000];

    memset(longest, 'x', sizeof(longest) - 1);
    memset(edge - 8, 'x', 8); /* a name without an end */
    REFUSED(EFAULT, SYS_open, 0, O_RDONLY);
    REFUSED(EFAULT, SYS_open, KERNEL, O_RDONLY);
    REFUSED(EFAULT, SYS_open, TOP, O_RDONLY);
    REFUSED(EFAULT, SYS_open, edge - 8, O_RDONLY);
    REFUSED(ENOENT, SYS_open, "", O_RDONLY);
    REFUSED(ENAMETOOLONG, SYS_open, longest, O_RDONLY);
    REFUSED(EFAULT, SYS_stat64, file_name, constant);
    REFUSED(EFAULT, SYS_stat64, nothing, edge - 96);
    REFUSED(EFAULT, SYS_fstat64, file, edge - 95);
    REFUSED(EFAULT, SYS_fstat64, file, constant);
    REFUSED(EBADF, SYS_fstat64, -100, edge - 96);
    REFUSED(EFAULT, SYS_access, WRAP, 0);
    REFUSED(EFAULT, SYS_readlink, KERNEL, edge - 8, 8);
    REFUSED(ERANGE, SYS_getcwd, edge - 8, 1);
    REFUSED(EFAULT, SYS_getcwd, constant, PAGE);
    REFUSED(EFAULT, SYS_getcwd, KERNEL, PAGE);
}

static void descriptor_section(void)
{
    REFUSED(EBADF, SYS_close, -1);
    REFUSED(EBADF, SYS_close, NO_FD);
    REFUSED(EBADF, SYS_dup, -1);
    REFUSED(EBADF, SYS_dup2, file, -1);
    REFUSED(EBADF, SYS_dup2, file, 0x7FFFFFFF);
    REFUSED(EINVAL, SYS_dup3, file, file, 0);
    REFUSED(EBADF, SYS_fcntl64, -1, F_GETFL, 0);
    REFUSED(EINVAL, SYS_fcntl64, file, F_DUPFD, -1);
    REFUSED(EINVAL, SYS_fcntl64, file, 9999, 0);
    REFUSED(EINVAL, SYS_poll, 0, 0x20000001, 0); /* times 8: 8 bytes */
    REFUSED(EINVAL, SYS_poll, edge - 8, -1, 0);
    REFUSED(EFAULT, SYS_poll, KERNEL, 1, 0);
    REFUSED(EFAULT, SYS_poll, edge - 4, 1, 0);
    REFUSED(EFAULT, SYS_poll, 0, 1, 0);
    /* every descriptor, then none, then again */
    int copies[1024], count = 0;
    while (count < 1024 && (copies[count] = dup(file)) >= 0) {
        count++;
    }
    if (count < 1024 && errno != EMFILE) {
        printf("%d descriptors, then %s\n", count, strerror(errno));
        failed = 1;
    }
    while (count-- > 0) {
        (void)close(copies[count]);
    }
    GIVES(copies[0], SYS_dup, file);
    GIVES(0, SYS_close, copies[0]);
}

static void time_section(void)
{
    struct { int32_t s, ns; } t = { -1, 0 };

    REFUSED(EFAULT, SYS_clock_gettime32, 0, KERNEL);
    REFUSED(EFAULT, SYS_clock_gettime32, 0, constant);
    REFUSED(EFAULT, SYS_clock_gettime64, 0, edge - 15);
    REFUSED(EINVAL, SYS_clock_gettime32, 99, edge - 8);
    REFUSED(EFAULT, SYS_gettimeofday_time32, TOP, 0);
    REFUSED(EFAULT, SYS_nanosleep, 0, 0);
    REFUSED(EFAULT, SYS_nanosleep, KERNEL, 0);
    REFUSED(EINVAL, SYS_nanosleep, &t, 0);
    t.s = 0;
    t.ns = 1000000000;
    REFUSED(EINVAL, SYS_nanosleep, &t, 0);
    t.ns = -1;
    REFUSED(EINVAL, SYS_nanosleep, &t, 0);
    REFUSED(EFAULT, SYS_time, WRAP);
    REFUSED(EFAULT, SYS_times, KERNEL);
    REFUSED(EFAULT, SYS_uname, edge - 100);
    REFUSED(EFAULT, SYS_uname, constant);
    REFUSED(EFAULT, SYS_sysinfo, KERNEL);
    REFUSED(EFAULT, SYS_getrusage, 0, KERNEL);
    REFUSED(EFAULT, SYS_getrandom, KERNEL, 16, 0);
    REFUSED(EFAULT, SYS_getrandom, edge, 1, 0);
    REFUSED(EFAULT, SYS_prlimit64, 0, 3, 0, KERNEL);
}

enum { WAIT = 0, WAKE = 1, CMP_REQUEUE = 4, WAIT_BITSET = 9, WAKE_BITSET = 10 };

static void futex_section(void)
{
    struct { int32_t s, ns; } t = { 0, 2000000000 };
    static uint32_t word = 7;

    REFUSED(EINVAL, SYS_futex, (char *)&word + 1, WAIT, 7, 0, 0, 0);
    REFUSED(EINVAL, SYS_futex, edge - 2, WAKE, 1, 0, 0, 0);
    REFUSED(EFAULT, SYS_futex, KERNEL, WAIT, 7, 0, 0, 0);
    REFUSED(EFAULT, SYS_futex, KERNEL, WAKE, 1, 0, 0, 0);
    REFUSED(EFAULT, SYS_futex, edge, WAIT, 0, 0, 0, 0);
    REFUSED(EFAULT, SYS_futex, nothing, WAIT, 0, 0, 0, 0);
    REFUSED(EAGAIN, SYS_futex, &word, WAIT, 8, 0, 0, 0);
    REFUSED(EFAULT, SYS_futex, &word, WAIT, 7, KERNEL, 0, 0);
    REFUSED(EINVAL, SYS_futex, &word, WAIT, 7, &t, 0, 0);
    REFUSED(EINVAL, SYS_futex, &word, WAIT_BITSET, 7, 0, 0, 0);
    REFUSED(EINVAL, SYS_futex, &word, WAKE_BITSET, 1, 0, 0, 0);
    REFUSED(EAGAIN, SYS_futex, &word, CMP_REQUEUE, 1, 1, &word + 1, 8);
    REFUSED(EFAULT, SYS_futex, KERNEL, CMP_REQUEUE, 1, 1, &word, 8);
    REFUSED(ENOSYS, SYS_futex, &word, 0x7F, 1, 0, 0, 0);
    t.ns = 1000;
    REFUSED(ETIMEDOUT, SYS_futex, &word, WAIT, 7, &t, 0, 0);
}

static void signal_section(void)
{
    uint32_t action[5] = { 1, 0, 0, 0, 0 };

    REFUSED(EINVAL, SYS_rt_sigaction, 0, action, 0, 8);
    REFUSED(EINVAL, SYS_rt_sigaction, 65, action, 0, 8);
    REFUSED(EINVAL, SYS_rt_sigaction, -1, action, 0, 8);
    REFUSED(EINVAL, SYS_rt_sigaction, 9, action, 0, 8);
    REFUSED(EINVAL, SYS_rt_sigaction, 10, action, 0, 4);
    REFUSED(EFAULT, SYS_rt_sigaction, 10, KERNEL, 0, 8);
    REFUSED(EFAULT, SYS_rt_sigaction, 10, 0, constant, 8);
    REFUSED(EINVAL, SYS_rt_sigprocmask, 7, action, 0, 8);
    REFUSED(EFAULT, SYS_rt_sigprocmask, 0, KERNEL, 0, 8);
    REFUSED(EINVAL, SYS_rt_sigprocmask, 0, action, 0, 1000);
    REFUSED(ESRCH, SYS_tkill, 0x7FFFFFF, 0);
    REFUSED(EINVAL, SYS_tkill, -1, 0);
    REFUSED(EINVAL, SYS_tkill, getpid(), 65);
    REFUSED(EINVAL, SYS_tgkill, -5, -5, 0);
    REFUSED(ESRCH, SYS_kill, 0x7FFFFFF, 0);
    REFUSED(EFAULT, SYS_set_thread_area, KERNEL);
    REFUSED(EFAULT, SYS_set_thread_area, edge - 15);
    memset(edge - 16, 0, 16);
    REFUSED(EINVAL, SYS_set_thread_area, edge - 16);
    REFUSED(EFAULT, SYS_clone, 0x50F00 | 0x80000, edge, 0, KERNEL, 0);
    REFUSED(EINVAL, SYS_sched_getaffinity, 0, 3, edge - 4);
    REFUSED(EFAULT, SYS_sched_getaffinity, 0, 128, KERNEL);
}

enum { RW = PROT_READ | PROT_WRITE, ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS };

static void memory_section(void)
{
    REFUSED(EINVAL, SYS_mmap2, 0, 0, RW, ANONYMOUS, -1, 0);
    REFUSED(ENOMEM, SYS_mmap2, 0, 0xFFFFFFFF, RW, ANONYMOUS, -1, 0);
    REFUSED(ENOMEM, SYS_mmap2, 0, 0xF0000000, RW, ANONYMOUS, -1, 0);
    REFUSED(ENOMEM, SYS_mmap2, 0xFFFFF000, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    REFUSED(ENOMEM, SYS_mmap2, 0xB0000000, 0x60000000, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    REFUSED(EINVAL, SYS_mmap2, NONSENSE, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    REFUSED(EEXIST, SYS_mmap2, constant, PAGE, RW, ANONYMOUS | 0x100000, -1, 0);
    REFUSED(EINVAL, SYS_munmap, NONSENSE, PAGE);
    REFUSED(EINVAL, SYS_munmap, constant, 0);
    REFUSED(EINVAL, SYS_munmap, 0xFFFFF000, PAGE);
    REFUSED(EINVAL, SYS_munmap, 0xF0000000, 0xF0000000);
    REFUSED(EINVAL, SYS_mprotect, NONSENSE, PAGE, PROT_READ);
    REFUSED(ENOMEM, SYS_mprotect, HOLE, PAGE, PROT_READ);
    REFUSED(ENOMEM, SYS_mprotect, 0xFFFFE000, PAGE, PROT_READ);
    REFUSED(EINVAL, SYS_mremap, NONSENSE, PAGE, 2 * PAGE, 0, 0);
    REFUSED(EFAULT, SYS_mremap, HOLE, PAGE, 2 * PAGE, 0, 0);
    REFUSED(EINVAL, SYS_mremap, constant, PAGE, 0, 0, 0);
    REFUSED(ENOMEM, SYS_mremap, constant, PAGE, 0xF0000000, 0, 0);
    REFUSED(EINVAL, SYS_madvise, NONSENSE, PAGE, 4);
    GIVES(syscall(SYS_brk, 0), SYS_brk, 0xFFFFFFFF);
    GIVES(syscall(SYS_brk, 0), SYS_brk, KERNEL);
    GIVES(syscall(SYS_brk, 0), SYS_brk, 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} sections[] = {
    { "numbers", numbers_section }, { "write", write_section }, { "read", read_section },
    { "paths", path_section }, { "descriptors", descriptor_section }, { "time", time_section },
    { "futex", futex_section }, { "signals and threads", signal_section },
    { "memory", memory_section },
};

int main(int argc, char **argv)
{
    int failed_ever = 0;

    file_name = argv[1];
    file = argc == 2 ? open(file_name, O_RDONLY) : -1;
    if (file < 0) {
        fprintf(stderr, "usage: hostile_calls FILE\n");
        return 2;
    }
    edge = map(RW, 2) + PAGE;
    (void)mprotect(edge, PAGE, PROT_NONE);
    constant = map(PROT_READ, 1);
    nothing = map(PROT_NONE, 1);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        failed = 0;
        sections[i].run();
        if (failed == 0) {
            printf("%s ok\n", sections[i].name);
        }
        failed_ever |= failed;
    }
    return failed_ever;
}
