/* Programs of the simulated world: a little instruction set, and the generator that writes one
 * program per job from the seed. A program knows what it must come to: it ends with instructions
 * that compare counters with what the generator has counted.
 *
 * Text is no DSM page: every PC reads the same struct. Data are words of the job's memory. */
#pragma once

#include "adapt/base.h"
#include "adapt/port.h"

enum opcode {
    OP_SET,        /* r = b */
    OP_ADD,        /* r += b */
    OP_MOVE,       /* r = reg[index] */
    /* one word; address = a + 4 * reg[index], index NO_INDEX: a */
    OP_LOAD,       /* r = [] */
    OP_STORE,      /* [] = r */
    OP_STORE_IMM,  /* [] = b */
    OP_XADD,       /* r = [], [] += b, at once */
    OP_XCHG,       /* r = [], [] = b, at once */
    OP_CAS,        /* r = [], if r == b: [] = c, at once */
    OP_CLOCK,      /* [] = cluster time, which is never before what stands there; at once */
    OP_LOOK,       /* reads [], which may be anything: an area that is mapped anew meanwhile */
    OP_POKE,       /* writes it */
    OP_MY_TID,     /* [] must be the thread's own tid */
    OP_NO_READ,    /* reading [] must fail with EFAULT */
    OP_NO_WRITE,   /* writing [] must fail with EFAULT */
    /* n pages at once from address a, b pages apart; bit i of c: page i is written, else read */
    OP_SPREAD,     /* by one instruction: its pages are faulted in one after the other; n <= 4 */
    OP_GATHER,     /* by one call: all missing pages are asked for together; n <= HOLD_MAX */
    OP_JUMP,       /* to a */
    OP_JUMP_EQ,    /* if r == b */
    OP_JUMP_NE,
    OP_JUMP_LESS,  /* signed */
    OP_CALL,       /* enum call_op n with arguments r0 … r4; result r0, values r1, r2 */
    OP_EXPECT,     /* r == b, else the seed fails */
    OP_WORK,       /* b microseconds of computing */
    OP_STOP,       /* the thread does nothing more until a script says so */
    OP_ENTER,      /* the program says: inside critical section a, of which b may be at once */
    OP_LEAVE,
    OPCODES
};
enum { NO_INDEX = 0xFF, REGISTERS = 8, PROGRAM_MAX = 60000, SECTIONS_MAX = 32 };

struct instr {
    uint8_t op, r, index, n;
    uint32_t a;
    int32_t b, c;
};

/* Pieces that a body is made of; each is chosen by its weight. */
enum block {
    BLOCK_READ, BLOCK_WRITE, BLOCK_COUNT, BLOCK_SPREAD, BLOCK_GATHER, BLOCK_HOT, BLOCK_SCAN,
    BLOCK_LOCK, BLOCK_TIMED_LOCK, BLOCK_SEMAPHORE,
    BLOCK_MAP, BLOCK_PROTECT, BLOCK_BRK, BLOCK_REMAP,
    BLOCK_FILE, BLOCK_OUTPUT, BLOCK_INPUT, BLOCK_SLEEP, BLOCK_SIGNAL, BLOCK_CHILD,
    BLOCK_PUBLISH, BLOCK_CLOCK, BLOCK_SHARE, BLOCK_REPLACE, BLOCK_WORK,
    BLOCKS
};

struct program_wish {
    uint32_t threads;        /* the main thread included */
    uint32_t rounds, blocks; /* of each thread: rounds of so many blocks */
    uint32_t pages;          /* of shared data */
    uint32_t own_pages;      /* of each thread, read by all: copies */
    uint32_t syncs;          /* mutexes, and as many semaphores */
    uint32_t loops;          /* of a hot block */
    bool packed;             /* synchronisation words share a page */
    bool barrier;            /* between rounds */
    bool ring;               /* condition variables, once a round */
    uint8_t exit_group;      /* 1: one thread ends the job at some point */
    uint8_t weight[BLOCKS];
};

enum {
    DATA_PAGE = 0x10000,      /* of the data segment: address 0x10000000 */
    THREADS_EVER_MAX = 120,   /* threads that one program ever makes */
    REPLACED = 0x3E000000,    /* address of an area that is mapped over and over, 2 pages */
    FILE_NUMBER = 7, FILE_SIZE = 20000, /* the world's one file */
};

struct program {
    struct program_wish wish;
    uint64_t random;
    uint32_t count, room;
    uint32_t threads_ever;    /* numbers given to threads: main is 0 */
    uint8_t tid_told[THREADS_EVER_MAX]; /* 1: clone writes the child's tid before it runs */
    uint32_t pages_all;       /* of the data segment */
    int32_t total_count;      /* what the shared counter must come to */
    int32_t total_locked[SECTIONS_MAX];
    int32_t status;           /* that the job must end with */
    bool loose;               /* it may be ended from within: no totals hold */
    struct instr *text;
};

/* Writes the program of this wish. */
void program_make(struct program *p, const struct program_wish *wish, uint64_t random);

void program_free(struct program *p);

/* ---- for program_*.c ------------------------------------------------------------------------- */

uint32_t program_random(struct program *p, uint32_t below);
uint32_t emit(struct program *p, struct instr i); /* its number */
void emit_call(struct program *p, enum call_op op);
void emit_args(struct program *p, int32_t a, int32_t b, int32_t c);
/* Jumps whose target is not known yet get it now: the next instruction. */
void patch_here(struct program *p, uint32_t jump);

/* Where things stand. */
uint32_t at_join(const struct program *p, uint32_t number); /* clear_child_tid of a thread */
uint32_t at_tid(const struct program *p, uint32_t number);  /* where clone writes its tid */
uint32_t at_counter(const struct program *p);
uint32_t at_sync(const struct program *p, uint32_t i);    /* mutex word, then its counter */
uint32_t at_data(const struct program *p, uint32_t page); /* shared data page */
uint32_t at_own(const struct program *p, uint32_t number, uint32_t page);

/* program_sync.c */
void emit_lock(struct program *p, uint32_t mutex);
void emit_unlock(struct program *p, uint32_t mutex);
void emit_lock_block(struct program *p, uint32_t i);
void emit_timed_lock_block(struct program *p, uint32_t i);
void emit_semaphore_block(struct program *p, uint32_t i);
void emit_semaphores_init(struct program *p);
void emit_ring(struct program *p, uint32_t number);
void emit_share_block(struct program *p, uint32_t i);
void emit_barrier(struct program *p);
void emit_join(struct program *p, uint32_t number);

/* program_blocks.c */
/* mmap fixed, munmap or mprotect, which must succeed. */
void emit_map_call(struct program *p, enum map_op op, uint32_t address, uint32_t bytes,
                   int32_t prot);
void emit_block(struct program *p, enum block block, uint32_t number);
/* Starts thread `number`, whose text comes at `entry`; the number of the instruction to patch. */
uint32_t emit_clone(struct program *p, uint32_t number);
void emit_child_begin(struct program *p, uint32_t number);
void emit_publish_call(struct program *p, uint32_t address, uint32_t pages);
