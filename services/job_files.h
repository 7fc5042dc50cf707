/* The file table of a job: numbers of open files, each naming an opening with an offset that dup
 * shares. A pure value at the job's manager; the bytes are read by whoever reads, from the world's
 * file (boot module) of that number. */
#pragma once

#include "adapt/port.h"

enum { ERR_SEEK_PIPE = 29 }; /* ESPIPE: a stream has no offset */

struct job_opening {
    uint32_t users; /* fds that name it; 0: free */
    uint32_t file;  /* world's file number, FILE_STREAM: a stream */
    uint32_t size;  /* in bytes; of a stream: 0 stdin, 1 stdout, 2 stderr */
    uint32_t offset;
};
struct job_files {
    uint8_t fd[FILES_MAX]; /* opening + 1; 0: closed */
    struct job_opening opening[FILES_MAX];
};
struct file_result {
    int32_t result;
    uint32_t value, value2;
};

void files_init(struct job_files *f); /* 0, 1, 2 are the streams */
/* One file operation (enum file_op), arg[0..3] as in adapt/port.h behind the op; never fails but by
 * its result. */
struct file_result files_call(struct job_files *f, uint32_t op, const uint32_t arg[4]);
