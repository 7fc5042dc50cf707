/* System calls that tell a program where it is: names, limits, memory, random bytes, identity. */
#include <string.h>

#include "adapt/node.h"
#include "kernel/console/console.h"
#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/version.h"
#include "mm/frame.h"
#include "services/dsm.h"
#include "services/threads.h"

/* ---- uname [uname(2)] ----------------------------------------------------------------------- */

enum { UTS_BYTES = 65 };
struct utsname {
    char sysname[UTS_BYTES], nodename[UTS_BYTES], release[UTS_BYTES], version[UTS_BYTES];
    char machine[UTS_BYTES], domainname[UTS_BYTES];
};

static void put_text(char *field, const char *text) {
    size_t length = strlen(text);

    memcpy(field, text, length < UTS_BYTES ? length : UTS_BYTES - 1);
}

/* sysname and release are what programs test for: the calls are Linux's. */
static struct outcome sys_uname(struct thread *t, const uint32_t arg[6]) {
    static struct utsname u;

    if (!syscall_need(t, arg[0], sizeof(u), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    memset(&u, 0, sizeof(u));
    put_text(u.sysname, "Linux");
    put_text(u.nodename, console_name());
    put_text(u.release, "5.10.0-lisse");
    put_text(u.version, version_text);
    put_text(u.machine, cpu_features.family >= 6 ? "i686" : "i586");
    put_text(u.domainname, "(none)");
    syscall_write_user(arg[0], &u, sizeof(u));
    return syscall_done(0);
}

/* ---- sysinfo [sysinfo(2)] ------------------------------------------------------------------- */

struct sysinfo {
    uint32_t uptime, loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t totalhigh, freehigh, mem_unit;
    uint8_t rest[8];
};
_Static_assert(sizeof(struct sysinfo) == 64, "[sysinfo(2)] i386");

static struct outcome sys_sysinfo(struct thread *t, const uint32_t arg[6]) {
    struct dsm_counters dsm = dsm_counters(pump_node());
    struct sysinfo s = {.uptime = (uint32_t)(pump_cluster_us() / 1000000),
                        .totalram = frame_total_count(),
                        .freeram = frame_user_count() - dsm.frames_used,
                        .procs = (uint16_t)threads_hosted(pump_node(), 0),
                        .mem_unit = FRAME_BYTES};

    if (!syscall_need(t, arg[0], sizeof(s), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[0], &s, sizeof(s));
    return syscall_done(0);
}

/* ---- random bytes [getrandom(2)] ------------------------------------------------------------ */

/* For hash seeds and the like, not for keys: jitter of this PC's clocks through a mixer. */
static void fill_random(uint32_t address, uint32_t bytes) {
    static uint64_t state;

    state ^= time_jitter();
    for (uint32_t i = 0; i < bytes; i++) {
        state = mix64(state + i + 1);
        syscall_write_user(address + i, &state, 1);
    }
}

static struct outcome sys_getrandom(struct thread *t, const uint32_t arg[6]) {
    uint32_t most = (THREAD_NEED_MAX - 1) * FRAME_BYTES;
    uint32_t bytes = arg[1] < most ? arg[1] : most;

    if (!syscall_need(t, arg[0], bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    fill_random(arg[0], bytes);
    return syscall_done((int32_t)bytes);
}

/* ---- limits and usage ----------------------------------------------------------------------- */

enum { ERR_NO_CHILD = 10 /* ECHILD */ };
enum { RLIMIT_STACK_ = 3, RLIMIT_NOFILE_ = 7, RLIMITS_ = 16, STACK_BYTES = 8 * 1024 * 1024 };

static uint64_t limit_of(uint32_t resource) {
    switch (resource) {
    case RLIMIT_STACK_:
        return STACK_BYTES;
    case RLIMIT_NOFILE_:
        return FILES_MAX;
    default:
        return UINT64_MAX;
    }
}

static struct outcome sys_prlimit64(struct thread *t, const uint32_t arg[6]) {
    uint64_t pair[2] = {limit_of(arg[1]), limit_of(arg[1])};

    if (arg[1] >= RLIMITS_) {
        return syscall_done(-ERR_INVALID);
    }
    if (arg[2] != 0) {
        return syscall_done(-ERR_PERMISSION); /* limits are fixed */
    }
    if (arg[3] != 0) {
        if (!syscall_need(t, arg[3], sizeof(pair), ACCESS_WRITE)) {
            return syscall_fault(t);
        }
        syscall_write_user(arg[3], pair, sizeof(pair));
    }
    return syscall_done(0);
}

static struct outcome sys_ugetrlimit(struct thread *t, const uint32_t arg[6]) {
    uint64_t limit = limit_of(arg[0]);
    uint32_t narrow = limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
    uint32_t pair[2] = {narrow, narrow};

    if (arg[0] >= RLIMITS_) {
        return syscall_done(-ERR_INVALID);
    }
    if (!syscall_need(t, arg[1], sizeof(pair), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[1], pair, sizeof(pair));
    return syscall_done(0);
}

/* [getrusage(2)]: user time of the calling thread; the rest is zero. */
static struct outcome sys_getrusage(struct thread *t, const uint32_t arg[6]) {
    uint32_t usage[18] = {(uint32_t)(t->cpu_us / 1000000), (uint32_t)(t->cpu_us % 1000000)};

    if (!syscall_need(t, arg[1], sizeof(usage), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[1], usage, sizeof(usage));
    return syscall_done(0);
}

static struct outcome sys_zero(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    return syscall_done(0);
}

/* [wait(2)] A program has no children: fork is not supported. */
static struct outcome sys_wait(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    return syscall_done(-ERR_NO_CHILD);
}

static const struct syscall_row rows[] = {
    {7, "waitpid", sys_wait},
    {24, "getuid", sys_zero},
    {47, "getgid", sys_zero},
    {49, "geteuid", sys_zero},
    {50, "getegid", sys_zero},
    {64, "getppid", sys_zero},
    {77, "getrusage", sys_getrusage},
    {114, "wait4", sys_wait},
    {116, "sysinfo", sys_sysinfo},
    {122, "uname", sys_uname},
    {191, "ugetrlimit", sys_ugetrlimit},
    {199, "getuid32", sys_zero},
    {200, "getgid32", sys_zero},
    {201, "geteuid32", sys_zero},
    {202, "getegid32", sys_zero},
    {284, "waitid", sys_wait},
    {340, "prlimit64", sys_prlimit64},
    {355, "getrandom", sys_getrandom},
};
const struct syscall_table syscalls_info = {rows, sizeof(rows) / sizeof(rows[0])};
