/* Bytes and names of a job's files, wherever its origin is. For the handlers of system calls; a
 * handler that uses these may run again at the same step, with their answer in t->answer. */
#pragma once

#include "kernel/file.h"
#include "kernel/file_window.h"
#include "kernel/syscall.h"

/* 1: the first wanted->bytes of what was wanted (at least one, perhaps fewer than asked) are at
 * *from, until the next event of the core; 0: they are on their way, return *wait; -errno. */
int syscall_file_bytes(struct thread *t, uint32_t file, struct file_span *wanted,
                       const uint8_t **from, struct outcome *wait);

/* 1: the file of that name is in *r; 0: not known yet, return *wait; -errno. */
int syscall_file_find(struct thread *t, const char *name, struct file_record *r,
                      struct outcome *wait);
