/* System calls of the address space: all of them are operations on the job's map at its manager [P
 * 9.1]. */
#include <string.h>

#include "kernel/print.h"
#include "kernel/syscall.h"
#include "mm/layout.h"

/* Linux [mmap(2), madvise(2)] on i386. */
enum { MAP_TYPE_ = 0x0F, MAP_SHARED_VALIDATE_ = 3, MAP_ANONYMOUS_ = 0x20 };
enum { MADV_DONTNEED_ = 4, ENODEV_ = 19 };

static struct outcome sys_brk(struct thread *t, const uint32_t arg[6]) {
    return syscall_ask_once(t, CALL_MAP, (const uint32_t[5]){MAP_BRK, arg[0]});
}

static struct outcome sys_mmap2(struct thread *t, const uint32_t arg[6]) {
    static bool told;
    uint32_t type = arg[3] & MAP_TYPE_; /* private or shared: within one program the same */

    if (type == 0 || type > MAP_SHARED_VALIDATE_) {
        return syscall_done(-ERR_INVALID);
    }
    if (!(arg[3] & MAP_ANONYMOUS_)) {
        if (!told) {
            print("mmap of a file is not supported (ENODEV): read() the file (said once)\n");
        }
        told = true;
        return syscall_done(-ENODEV_);
    }
    return syscall_ask_once(t, CALL_MAP,
                            (const uint32_t[5]){MAP_MMAP, arg[0], arg[1], arg[2], arg[3]});
}

static struct outcome sys_munmap(struct thread *t, const uint32_t arg[6]) {
    return syscall_ask_once(t, CALL_MAP, (const uint32_t[5]){MAP_MUNMAP, arg[0], arg[1]});
}

static struct outcome sys_mprotect(struct thread *t, const uint32_t arg[6]) {
    return syscall_ask_once(t, CALL_MAP, (const uint32_t[5]){MAP_MPROTECT, arg[0], arg[1], arg[2]});
}

static struct outcome sys_mremap(struct thread *t, const uint32_t arg[6]) {
    return syscall_ask_once(t, CALL_MAP, (const uint32_t[5]){MAP_MREMAP, arg[0], arg[1], arg[2]});
}

/* Only DONTNEED means something here: the pages read as zero afterwards. Done in pieces of a call's
 * page set. */
static struct outcome sys_madvise(struct thread *t, const uint32_t arg[6]) {
    uint32_t left = arg[1] - t->done_bytes;
    uint32_t most = THREAD_NEED_MAX * FRAME_BYTES;
    uint32_t bytes = left < most ? left : most;
    uint32_t address = arg[0] + t->done_bytes;

    if (arg[0] % FRAME_BYTES != 0) {
        return syscall_done(-ERR_INVALID);
    }
    if (arg[2] != MADV_DONTNEED_ || left == 0) {
        return syscall_done(0);
    }
    if (!syscall_need(t, address, bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    memset((void *)address, 0, bytes);
    t->done_bytes += bytes;
    return SYSCALL_AGAIN;
}

static const struct syscall_row rows[] = {
    {45, "brk", sys_brk},        {91, "munmap", sys_munmap}, {125, "mprotect", sys_mprotect},
    {163, "mremap", sys_mremap}, {192, "mmap2", sys_mmap2},  {219, "madvise", sys_madvise},
};
const struct syscall_table syscalls_memory = {rows, sizeof(rows) / sizeof(rows[0])};
