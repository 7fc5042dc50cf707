/* Pieces of programs that wait for nobody: accesses of one and of several pages, areas that come
 * and go, files, streams, sleep, signals, children. See program.h. */
#include "services/job_map.h"
#include "tests/sim/program.h"

static int32_t some_value(struct program *p) {
    return (int32_t)program_random(p, 0x7FFFFFFF);
}

static uint32_t some_word(struct program *p) {
    return at_data(p, program_random(p, p->wish.pages)) + program_random(p, 8) * 4 * 100;
}

static void emit_word(struct program *p, enum opcode op, uint32_t address, int32_t b) {
    emit(p, (struct instr){.op = (uint8_t)op, .r = 5, .index = NO_INDEX, .a = address, .b = b});
}

static void emit_access(struct program *p, enum block block) {
    uint32_t times = 1 + program_random(p, 4);

    for (uint32_t i = 0; i < times; i++) {
        if (block == BLOCK_READ) {
            emit_word(p, OP_LOAD, some_word(p), 0);
        } else {
            emit_word(p, OP_STORE_IMM, some_word(p), some_value(p));
        }
    }
}

static void emit_count(struct program *p) {
    int32_t by = 1 + (int32_t)program_random(p, 9);

    emit_word(p, OP_XADD, at_counter(p), by);
    p->total_count += by;
}

/* Some pages at once, each written with chance 1/2, the first always. */
static void emit_pages(struct program *p, enum opcode op, uint32_t most) {
    uint32_t pages = p->wish.pages;
    uint32_t n = 1 + program_random(p, most < pages ? most : pages);
    uint32_t first = program_random(p, pages - n + 1);

    emit(p, (struct instr){.op = (uint8_t)op, .n = (uint8_t)n, .a = at_data(p, first), .b = 1,
                           .c = (int32_t)(program_random(p, 0x10000) | 1u)});
}

static void emit_hot(struct program *p) {
    emit(p, (struct instr){.op = OP_SET, .r = 6, .b = (int32_t)p->wish.loops});
    uint32_t again = p->count;
    uint32_t n = p->wish.pages < 4 ? p->wish.pages : 1 + program_random(p, 4);

    if (program_random(p, 2) == 0) {
        emit_word(p, OP_XADD, at_data(p, 0), 1);
    } else {
        emit(p, (struct instr){.op = program_random(p, 2) ? OP_SPREAD : OP_GATHER, .n = (uint8_t)n,
                               .a = at_data(p, 0), .b = 1, .c = 0xFFFF});
    }
    emit(p, (struct instr){.op = OP_ADD, .r = 6, .b = -1});
    emit(p, (struct instr){.op = OP_JUMP_NE, .r = 6, .b = 0, .a = again});
}

/* Every thread's own pages, as MGS reads all vectors: copies fill the frames. */
static void emit_scan(struct program *p) {
    uint32_t all = p->wish.threads * p->wish.own_pages;

    for (uint32_t i = 0; i < all; i++) {
        emit_word(p, OP_LOAD, at_own(p, 0, i), 0);
    }
}

void emit_publish_call(struct program *p, uint32_t address, uint32_t pages) {
    emit_args(p, (int32_t)(address / PAGE_BYTES), (int32_t)pages, 0);
    emit_call(p, CALL_PUBLISH);
}

/* Writes a page and sends it, with its neighbours, to everybody; they may be anybody's. */
static void emit_publish(struct program *p) {
    uint32_t address = some_word(p);

    emit_word(p, OP_STORE_IMM, address, some_value(p));
    emit_publish_call(p, address, 1 + program_random(p, 4));
    if (program_random(p, 2) == 0) {
        emit_word(p, OP_STORE_IMM, address, some_value(p));
    }
}

/* ---- areas ----------------------------------------------------------------------------------- */

/* A thread's own corner of the address space, so that areas of two threads never meet. */
static uint32_t corner(uint32_t number) {
    return 0x40000000u + number * 0x100000u;
}

void emit_map_call(struct program *p, enum map_op op, uint32_t address, uint32_t bytes,
                   int32_t prot) {
    emit_args(p, (int32_t)op, (int32_t)address, (int32_t)bytes);
    emit(p, (struct instr){.op = OP_SET, .r = 3, .b = prot});
    emit(p, (struct instr){.op = OP_SET, .r = 4, .b = op == MAP_MMAP ? MAP_FLAG_FIXED : 0});
    emit_call(p, CALL_MAP);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0,
                           .b = op == MAP_MMAP ? (int32_t)address : 0});
}

/* Maps, writes, unmaps, and maps the same pages again: they must be zero and gone in between. */
static void emit_map_block(struct program *p, uint32_t number) {
    uint32_t address = corner(number) + program_random(p, 4) * PAGE_BYTES;
    uint32_t pages = 1 + program_random(p, 3);
    uint32_t last = address + (pages - 1) * PAGE_BYTES;

    emit_map_call(p, MAP_MMAP, address, pages * PAGE_BYTES, 3);
    emit_word(p, OP_LOAD, last, 0);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5});
    emit_word(p, OP_STORE_IMM, last, some_value(p));
    emit_word(p, OP_LOAD, last, 0);
    if (program_random(p, 3) == 0) {
        emit_publish_call(p, address, pages); /* copies may come when the area is gone */
    }
    if (program_random(p, 2) == 0) {
        emit_map_call(p, MAP_MUNMAP, address, pages * PAGE_BYTES, 0);
        emit_word(p, program_random(p, 2) == 0 ? OP_NO_READ : OP_NO_WRITE, last, 0);
    }
    emit_map_call(p, MAP_MMAP, address, pages * PAGE_BYTES, 3);
    emit_word(p, OP_XADD, last, 1);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5});
    emit_map_call(p, MAP_MUNMAP, address, pages * PAGE_BYTES, 0);
    emit_word(p, OP_NO_READ, last, 0);
}

static void emit_protect_block(struct program *p, uint32_t number) {
    uint32_t address = corner(number) + 0x10000;

    emit_map_call(p, MAP_MMAP, address, 2 * PAGE_BYTES, 3);
    emit_word(p, OP_STORE_IMM, address, 17);
    emit_map_call(p, MAP_MPROTECT, address, PAGE_BYTES, 1);
    emit_word(p, OP_LOAD, address, 0);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = 17});
    emit_word(p, OP_NO_WRITE, address, 0);
    emit_word(p, OP_STORE_IMM, address + PAGE_BYTES, 18);
    emit_map_call(p, MAP_MPROTECT, address, PAGE_BYTES, 0);
    emit_word(p, OP_NO_READ, address, 0);
    emit_map_call(p, MAP_MPROTECT, address, PAGE_BYTES, 3);
    emit_word(p, OP_XADD, address, 1);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = 17});
    emit_map_call(p, MAP_MUNMAP, address, 2 * PAGE_BYTES, 0);
}

/* Grows in place, keeps the contents, shrinks. */
static void emit_remap_block(struct program *p, uint32_t number) {
    uint32_t address = corner(number) + 0x20000;

    emit_map_call(p, MAP_MMAP, address, PAGE_BYTES, 3);
    emit_word(p, OP_STORE_IMM, address, 5);
    emit_args(p, MAP_MREMAP, (int32_t)address, PAGE_BYTES);
    emit(p, (struct instr){.op = OP_SET, .r = 3, .b = 3 * PAGE_BYTES});
    emit_call(p, CALL_MAP);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0, .b = (int32_t)address});
    emit_word(p, OP_XADD, address + 2 * PAGE_BYTES, 1);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5});
    emit_word(p, OP_LOAD, address, 0);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = 5});
    emit_map_call(p, MAP_MUNMAP, address, 3 * PAGE_BYTES, 0);
}

/* The break belongs to all threads: it is only asked for and grown, by whoever comes. */
static void emit_brk_block(struct program *p) {
    emit_args(p, MAP_BRK, 0, 0);
    emit_call(p, CALL_MAP);
    emit(p, (struct instr){.op = OP_MOVE, .r = 1, .index = 0});
    emit(p, (struct instr){.op = OP_ADD, .r = 1, .b = PAGE_BYTES});
    emit(p, (struct instr){.op = OP_SET, .r = 0, .b = MAP_BRK});
    emit_call(p, CALL_MAP);
}

/* One area mapped over and over while others use it: the old one or the new one is there, never
 * none. */
static void emit_replace_block(struct program *p) {
    if (program_random(p, 3) == 0) {
        emit_map_call(p, MAP_MMAP, REPLACED, 2 * PAGE_BYTES, 3);
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t page = program_random(p, 2) * PAGE_BYTES;
        emit_word(p, program_random(p, 2) == 0 ? OP_LOOK : OP_POKE, REPLACED + page, 0);
    }
}

/* ---- files, streams, the rest ---------------------------------------------------------------- */

static void emit_file_block(struct program *p) {
    emit_args(p, FILE_OPEN, FILE_NUMBER, FILE_SIZE);
    emit_call(p, CALL_FILE);
    emit(p, (struct instr){.op = OP_MOVE, .r = 7, .index = 0});
    for (uint32_t i = 0; i < 3; i++) {
        emit_args(p, FILE_READ, 0, (int32_t)(1 + program_random(p, 9000)));
        emit(p, (struct instr){.op = OP_MOVE, .r = 1, .index = 7});
        emit_call(p, CALL_FILE);
    }
    emit_args(p, FILE_NUMBER, (int32_t)program_random(p, FILE_SIZE),
              1 + (int32_t)program_random(p, FILE_GET_MAX));
    emit_call(p, CALL_FILE_GET);
    emit_args(p, FILE_CLOSE, 0, 0);
    emit(p, (struct instr){.op = OP_MOVE, .r = 1, .index = 7});
    emit_call(p, CALL_FILE);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0});
}

static void emit_stream(struct program *p, enum block block) {
    if (block == BLOCK_OUTPUT) {
        uint32_t again = p->count;
        emit_args(p, 1, 1 + (int32_t)program_random(p, 300), 0); /* fd, bytes */
        emit_call(p, CALL_WRITE_OUT);
        emit(p, (struct instr){.op = OP_JUMP_EQ, .r = 0, .b = 0, .a = again}); /* no room yet */
    } else {
        emit_args(p, 1 + (int32_t)program_random(p, 200), 0, 0);
        emit_call(p, CALL_READ_IN);
    }
}

static void emit_sleep(struct program *p) {
    emit_args(p, 1 + (int32_t)program_random(p, 3000), 0, 0); /* microseconds from now */
    emit_call(p, CALL_SLEEP);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0});
}

/* Asks whether a thread lives: the pid always does, 0x3FFFFFFE never. */
static void emit_signal(struct program *p) {
    bool pid = program_random(p, 2) == 0;

    emit_args(p, pid ? -1 : 0x3FFFFFFE, 0, 0);
    emit_call(p, CALL_KILL_THREAD);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0, .b = pid ? 0 : -ERR_NO_PROCESS});
}

uint32_t emit_clone(struct program *p, uint32_t number) {
    emit_word(p, OP_STORE_IMM, at_join(p, number), 1);
    uint32_t entry = emit(p, (struct instr){.op = OP_SET, .r = 0});
    p->tid_told[number] = program_random(p, 2) == 0;
    emit(p, (struct instr){.op = OP_SET, .r = 1, .b = (int32_t)number});
    emit(p, (struct instr){.op = OP_SET, .r = 2,
                           .b = p->tid_told[number] ? (int32_t)at_tid(p, number) : 0});
    emit_call(p, CALL_CLONE);
    uint32_t there = emit(p, (struct instr){.op = OP_JUMP_NE, .r = 0, .b = -ERR_AGAIN});
    emit_args(p, 1000, 0, 0); /* no slot anywhere: later */
    emit_call(p, CALL_SLEEP);
    emit(p, (struct instr){.op = OP_JUMP, .a = entry});
    patch_here(p, there);
    return entry;
}

void emit_child_begin(struct program *p, uint32_t number) {
    if (p->tid_told[number]) {
        emit_word(p, OP_MY_TID, at_tid(p, number), 0);
    }
}

static void emit_child(struct program *p) {
    uint32_t number = p->threads_ever;

    if (number == THREADS_EVER_MAX) {
        return;
    }
    p->threads_ever++;
    uint32_t entry = emit_clone(p, number);
    uint32_t over = emit(p, (struct instr){.op = OP_JUMP});
    p->text[entry].b = (int32_t)p->count;
    emit_child_begin(p, number);
    emit_access(p, BLOCK_WRITE);
    emit_count(p);
    emit_word(p, OP_STORE_IMM, at_join(p, number), 0);
    emit_args(p, p->status, (int32_t)at_join(p, number), 0);
    emit_call(p, CALL_EXIT);
    patch_here(p, over);
    emit_access(p, BLOCK_READ);
    emit_join(p, number);
}

void emit_block(struct program *p, enum block block, uint32_t number) {
    uint32_t some_sync = program_random(p, p->wish.syncs);

    switch (block) {
    case BLOCK_READ:
    case BLOCK_WRITE: emit_access(p, block); break;
    case BLOCK_COUNT: emit_count(p); break;
    case BLOCK_SPREAD: emit_pages(p, OP_SPREAD, 4); break;
    case BLOCK_GATHER: emit_pages(p, OP_GATHER, HOLD_MAX); break;
    case BLOCK_HOT: emit_hot(p); break;
    case BLOCK_SCAN: emit_scan(p); break;
    case BLOCK_PUBLISH: emit_publish(p); break;
    case BLOCK_LOCK: emit_lock_block(p, some_sync); break;
    case BLOCK_TIMED_LOCK: emit_timed_lock_block(p, some_sync); break;
    case BLOCK_SEMAPHORE: emit_semaphore_block(p, some_sync); break;
    case BLOCK_MAP: emit_map_block(p, number); break;
    case BLOCK_PROTECT: emit_protect_block(p, number); break;
    case BLOCK_BRK: emit_brk_block(p); break;
    case BLOCK_REMAP: emit_remap_block(p, number); break;
    case BLOCK_FILE: emit_file_block(p); break;
    case BLOCK_OUTPUT:
    case BLOCK_INPUT: emit_stream(p, block); break;
    case BLOCK_SLEEP: emit_sleep(p); break;
    case BLOCK_SIGNAL: emit_signal(p); break;
    case BLOCK_CHILD: emit_child(p); break;
    case BLOCK_CLOCK: emit_word(p, OP_CLOCK, at_counter(p) + 64, 0); break;
    case BLOCK_REPLACE: emit_replace_block(p); break;
    case BLOCK_WORK:
        emit(p, (struct instr){.op = OP_WORK, .b = (int32_t)program_random(p, 8000)});
        break;
    case BLOCK_SHARE: emit_share_block(p, some_sync); break;
    default: break;
    }
}
