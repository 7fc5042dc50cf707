/* Errno values of files that adapt/base.h does not need, shared by the handlers of files.
 * [errno(3)] on i386. */
#pragma once

enum {
    SYSCALL_ENOTDIR = 20, SYSCALL_ENOTTY = 25, SYSCALL_ESPIPE = 29, SYSCALL_EROFS = 30,
};
