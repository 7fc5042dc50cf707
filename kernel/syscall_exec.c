/* Starting a program: from its file to the first instruction in ring 3. The main thread does
 * it itself, as one long call in steps, since every page that it fills is a page of the DSM like
 * any other: text and data get their first owner here, at the origin [P 8.1].
 *
 *   map each segment read-write -> fill its pages -> map the stack -> build argv, envp, auxv on it
 *   -> give the segments their final protection -> ring 3 */
#include <string.h>

#include "kernel/elf.h"
#include "kernel/file.h"
#include "kernel/job.h"
#include "kernel/main.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "mm/frame.h"

enum {
    STACK_END = 0xBFFFF000u,       /* ours: one page below the kernel stays free */
    STACK_BYTES = 8 * 1024 * 1024, /* as Linux's default limit; pages come when touched */
    STACK_TOP_PAGES = 4,           /* that the loader fills: strings, vectors, 16 KB */
    STRINGS_MAX = 2048, /* arguments and environment */
    AUXV_WORDS = 30,
    PROT_RW = 3,
};
#define STACK_TOP_BYTES (STACK_TOP_PAGES * FRAME_BYTES)
_Static_assert(16 + JOB_STRINGS_BYTES + 2 * 16 + 16 + (3 + STRINGS_MAX + AUXV_WORDS) * 4 <=
                   STACK_TOP_PAGES * 4096,
               "what build_stack() writes fits");

enum exec_step { EXEC_MAP, EXEC_FILL, EXEC_STACK, EXEC_ARGUMENTS, EXEC_PROTECT };

/* Auxiliary vector [i386 ABI, Linux getauxval(3)]. */
enum {
    AT_NULL_ = 0,
    AT_PHDR_ = 3,
    AT_PHENT_ = 4,
    AT_PHNUM_ = 5,
    AT_PAGESZ_ = 6,
    AT_ENTRY_ = 9,
    AT_UID_ = 11,
    AT_EUID_ = 12,
    AT_GID_ = 13,
    AT_EGID_ = 14,
    AT_HWCAP_ = 16,
    AT_CLKTCK_ = 17,
    AT_SECURE_ = 23,
    AT_RANDOM_ = 25,
    AT_EXECFN_ = 31,
};

/* of the program being started: parsed again at each run of a step */
static struct elf_image image;

int job_run(struct job_owner *owner, const char *strings, uint32_t bytes, uint32_t argc,
            uint32_t envc, char why[128]) {
    const struct file *program = file_at(owner->files, file_find(owner->files, strings));

    if (program == NULL) {
        print_text(why, 128,
                   "no program \"%s\" came with the boot: give it as a boot module (run PROG)",
                   strings);
        return -ERR_NO_ENTRY;
    }
    const char *reason =
        elf_parse(&image, program->bytes, program->size, STACK_END - STACK_BYTES);
    if (reason != NULL) {
        print_text(why, 128, "%s is %s", strings, reason);
        return -ERR_INVALID;
    }
    bool fits = bytes <= JOB_STRINGS_BYTES && argc <= STRINGS_MAX && envc <= STRINGS_MAX - argc;
    struct job *job = fits ? job_reserve(owner) : NULL;
    if (job == NULL) {
        print_text(why, 128,
                   !fits ? "arguments and environment are longer than 4096 bytes, or more than 2048"
                         : "too many programs run already: wait for one, or kill one (jobs)");
        return -ERR_NO_MEMORY;
    }
    job->program = program;
    job->argc = argc;
    job->envc = envc;
    job->strings_bytes = bytes;
    memcpy(job->strings, strings, bytes);
    struct event_call call = {.op = CALL_RUN, .token = TOKEN_NONE};
    call.arg[0] = job_handle(job);
    pump_call(&call);
    return 0;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static uint32_t page_down(uint32_t address) {
    return address & ~(FRAME_BYTES - 1);
}

static uint32_t page_up(uint32_t address) {
    return page_down(address + FRAME_BYTES - 1);
}

static struct outcome ask_map(struct thread *t, enum map_op op, uint32_t address, uint32_t bytes,
                              uint32_t prot, uint32_t flag) {
    struct event_call call = {.op = CALL_MAP};

    call.arg[0] = op;
    call.arg[1] = address;
    call.arg[2] = bytes;
    call.arg[3] = prot;
    call.arg[4] = flag;
    return syscall_ask(t, &call, t->step);
}

static uint32_t final_prot(const struct elf_segment *s) {
    return (s->readable ? 1u : 0u) | (s->writable ? 2u : 0u) | (s->executable ? 4u : 0u);
}

/* scratch[0]: segment; each is asked for, and the answer taken in the next run. */
static struct outcome map_segments(struct thread *t) {
    if (t->answered) {
        if (syscall_is_error(syscall_answer(t)->result)) {
            return syscall_end_job(t, 9,
                                   "its segments could not be mapped: no room in the job's map");
        }
        t->scratch[0]++;
    }
    if (t->scratch[0] < image.count) {
        const struct elf_segment *s = &image.segment[t->scratch[0]];
        uint32_t first = page_down(s->address);
        return ask_map(t, MAP_SEGMENT, first, page_up(s->address + s->memory_bytes) - first,
                       PROT_RW, t->scratch[0] + 1 == image.count);
    }
    t->step = EXEC_FILL;
    t->scratch[0] = 0;
    t->scratch[1] = 0;
    return SYSCALL_WAIT;
}

/* Up to THREAD_NEED_MAX pages of a segment at once. scratch[0]: segment, scratch[1]: bytes of its
 * file part done. */
static struct outcome fill_segments(struct thread *t) {
    if (t->scratch[0] == image.count) {
        t->step = EXEC_STACK;
        return SYSCALL_WAIT;
    }
    const struct elf_segment *s = &image.segment[t->scratch[0]];
    uint32_t address = s->address + t->scratch[1];
    uint32_t left = s->file_bytes - t->scratch[1];
    uint32_t most = THREAD_NEED_MAX * FRAME_BYTES - address % FRAME_BYTES;
    uint32_t bytes = left < most ? left : most;

    if (!syscall_need(t, address, bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(address, t->job->program->bytes + s->offset + t->scratch[1], bytes);
    t->scratch[1] += bytes;
    if (t->scratch[1] == s->file_bytes) {
        t->scratch[0]++;
        t->scratch[1] = 0;
    }
    return SYSCALL_WAIT;
}

static struct outcome map_stack(struct thread *t) {
    if (!t->answered) {
        return ask_map(t, MAP_SEGMENT, STACK_END - STACK_BYTES, STACK_BYTES, PROT_RW, 0);
    }
    if (syscall_is_error(syscall_answer(t)->result)) {
        return syscall_end_job(t, 9, "its stack could not be mapped: no room in the job's map");
    }
    t->step = EXEC_ARGUMENTS;
    return SYSCALL_WAIT;
}

/* ---- the first stack: argc, argv, 0, envp, 0, auxv, strings [i386 ABI, figure 2.4] ---------- */

struct stack_writer {
    uint32_t at; /* next word's address */
};

static void put(struct stack_writer *w, uint32_t word) {
    syscall_write_user(w->at, &word, sizeof(word));
    w->at += sizeof(word);
}

static void put_pair(struct stack_writer *w, uint32_t type, uint32_t value) {
    put(w, type);
    put(w, value);
}

/* count pointers to the strings that begin at *string, then 0. */
static void put_strings(struct stack_writer *w, const struct thread *t, uint32_t count,
                        uint32_t strings, uint32_t *offset) {
    for (uint32_t i = 0; i < count; i++) {
        put(w, strings + *offset);
        *offset += (uint32_t)strlen(t->job->strings + *offset) + 1;
    }
    put(w, 0);
}

static void put_auxv(struct stack_writer *w, uint32_t random, uint32_t name) {
    put_pair(w, AT_PHDR_, image.headers);
    put_pair(w, AT_PHENT_, 32);
    put_pair(w, AT_PHNUM_, image.header_count);
    put_pair(w, AT_PAGESZ_, FRAME_BYTES);
    put_pair(w, AT_ENTRY_, image.entry);
    put_pair(w, AT_UID_, 0);
    put_pair(w, AT_EUID_, 0);
    put_pair(w, AT_GID_, 0);
    put_pair(w, AT_EGID_, 0);
    put_pair(w, AT_HWCAP_, cpu_features.leaf1_edx);
    put_pair(w, AT_CLKTCK_, 100);
    put_pair(w, AT_SECURE_, 0);
    put_pair(w, AT_RANDOM_, random);
    put_pair(w, AT_EXECFN_, name);
    put_pair(w, AT_NULL_, 0);
}

static struct outcome build_stack(struct thread *t) {
    const struct job *job = t->job;
    uint32_t strings = STACK_END - 16 - job->strings_bytes;
    uint32_t random = (strings - 16) & ~15u;
    uint32_t words = 1 + job->argc + 1 + job->envc + 1 + AUXV_WORDS;
    uint32_t esp = (random - words * 4) & ~15u; /* 16-aligned at entry [i386 ABI] */
    struct stack_writer w = {esp};
    uint32_t offset = 0;
    uint64_t noise[2] = {time_jitter(), time_jitter()};

    PANIC_UNLESS(STACK_END - esp <= STACK_TOP_BYTES);
    if (!syscall_need(t, STACK_END - STACK_TOP_BYTES, STACK_TOP_BYTES, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(strings, job->strings, job->strings_bytes);
    syscall_write_user(random, noise, sizeof(noise));
    put(&w, job->argc);
    put_strings(&w, t, job->argc, strings, &offset);
    put_strings(&w, t, job->envc, strings, &offset);
    put_auxv(&w, random, strings);
    t->frame = (struct user_frame){.eip = image.entry, .esp = esp};
    t->step = EXEC_PROTECT;
    t->scratch[0] = 0;
    return SYSCALL_WAIT;
}

/* Segments that are not writable get their final protection; the loader wrote them. */
static struct outcome protect_segments(struct thread *t) {
    if (t->answered) {
        (void)syscall_answer(t);
        t->scratch[0]++;
    }
    while (t->scratch[0] < image.count) {
        const struct elf_segment *s = &image.segment[t->scratch[0]];
        uint32_t first = page_down(s->address);
        if (!s->writable) {
            return ask_map(t, MAP_MPROTECT, first, page_up(s->address + s->memory_bytes) - first,
                           final_prot(s), 0);
        }
        t->scratch[0]++;
    }
    t->doing = DOING_USER;
    return SYSCALL_GONE;
}

struct outcome syscall_exec(struct thread *t) {
    const struct file *f = t->job->program;
    const char *reason = elf_parse(&image, f->bytes, f->size, STACK_END - STACK_BYTES);

    PANIC_UNLESS(reason == NULL); /* job_run() has checked it */
    if (t->need_failed) {
        return syscall_end_job(t, 9, "a page of the program could not be had");
    }
    switch (t->step) {
    case EXEC_MAP:
        return map_segments(t);
    case EXEC_FILL:
        return fill_segments(t);
    case EXEC_STACK:
        return map_stack(t);
    case EXEC_ARGUMENTS:
        return build_stack(t);
    default:
        return protect_segments(t);
    }
}
