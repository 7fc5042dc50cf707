/* The generator of programs: the frame of a program (main thread, bodies, joins, totals); see
 * program.h. program_blocks.c has the pieces without waiting, program_sync.c those with it.
 * Layout of the data segment: one page of join words and the counter, then the synchronisation
 * words (one page, or one page each), then the shared pages, then each thread's own. */
#include "tests/sim/program.h"

#include <stdlib.h>

#include "services/job_map.h"
#include "tests/sim/failure.h"

/* ---- emitting -------------------------------------------------------------------------------- */

uint32_t program_random(struct program *p, uint32_t below) {
    return below == 0 ? 0 : random_next(&p->random) % below;
}

uint32_t emit(struct program *p, struct instr i) {
    if (p->count == PROGRAM_MAX) {
        sim_fail("simulator", "a program needs more than %u instructions", (unsigned)PROGRAM_MAX);
    }
    if (p->count == p->room) {
        p->room = p->room == 0 ? 512 : 2 * p->room;
        p->text = realloc(p->text, p->room * sizeof(p->text[0]));
    }
    p->text[p->count] = i;
    return p->count++;
}

void program_free(struct program *p) {
    free(p->text);
    p->text = NULL;
}

void emit_args(struct program *p, int32_t a, int32_t b, int32_t c) {
    emit(p, (struct instr){.op = OP_SET, .r = 0, .b = a});
    emit(p, (struct instr){.op = OP_SET, .r = 1, .b = b});
    emit(p, (struct instr){.op = OP_SET, .r = 2, .b = c});
}

void emit_call(struct program *p, enum call_op op) {
    emit(p, (struct instr){.op = OP_CALL, .n = (uint8_t)op});
}

void patch_here(struct program *p, uint32_t jump) {
    p->text[jump].a = p->count;
}

/* ---- where things stand ---------------------------------------------------------------------- */

static uint32_t page_address(uint32_t page) {
    return (DATA_PAGE + page) * PAGE_BYTES;
}

uint32_t at_join(const struct program *p, uint32_t number) {
    (void)p;
    return page_address(0) + number * 4;
}

uint32_t at_tid(const struct program *p, uint32_t number) {
    (void)p;
    return page_address(0) + 1024 + number * 4;
}

uint32_t at_counter(const struct program *p) {
    (void)p;
    return page_address(0) + 2048;
}

static uint32_t sync_pages(const struct program *p) {
    return p->wish.packed ? 1 : p->wish.syncs * 3 + 1;
}

/* 0 … syncs - 1 mutexes, then semaphores, then 2 a thread for the ring; the last is the barrier. */
uint32_t at_sync(const struct program *p, uint32_t i) {
    if (p->wish.packed) {
        return page_address(1) + i * 16;
    }
    uint32_t pages = sync_pages(p);
    return page_address(1 + i % pages) + i / pages * 16;
}

uint32_t at_data(const struct program *p, uint32_t page) {
    return page_address(1 + sync_pages(p) + page);
}

uint32_t at_own(const struct program *p, uint32_t number, uint32_t page) {
    return at_data(p, p->wish.pages + number * p->wish.own_pages + page);
}

/* ---- a whole program ------------------------------------------------------------------------- */

static enum block block_choose(struct program *p) {
    uint32_t sum = 0;

    for (uint32_t i = 0; i < BLOCKS; i++) {
        sum += p->wish.weight[i];
    }
    uint32_t point = program_random(p, sum);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (point < p->wish.weight[i]) {
            return (enum block)i;
        }
        point -= p->wish.weight[i];
    }
    return BLOCK_READ;
}

static void emit_own_pages(struct program *p, uint32_t number) {
    for (uint32_t i = 0; i < p->wish.own_pages; i++) {
        emit(p, (struct instr){.op = OP_STORE_IMM, .index = NO_INDEX,
                               .a = at_own(p, number, i), .b = (int32_t)(number * 100 + i)});
    }
    if (p->wish.own_pages != 0 && p->wish.weight[BLOCK_PUBLISH] != 0) {
        uint32_t pages = p->wish.own_pages < HOLD_MAX ? p->wish.own_pages : HOLD_MAX;
        emit_publish_call(p, at_own(p, number, 0), pages);
    }
}

static void emit_exit_group(struct program *p, uint32_t number) {
    p->loose = true;
    p->status = (int32_t)((3 + number) << 8);
    emit_args(p, p->status, 0, 0);
    emit_call(p, CALL_EXIT_GROUP);
}

static void emit_body(struct program *p, uint32_t number) {
    uint32_t ender = 0xFFFFFFFF, end_round = 0;

    if (p->wish.exit_group) {
        ender = p->wish.threads - 1;
        end_round = p->wish.rounds / 2;
    }
    emit_own_pages(p, number);
    if (p->wish.own_pages != 0) {
        emit_barrier(p); /* each owns its own before anybody looks at them */
    }
    for (uint32_t round = 0; round < p->wish.rounds; round++) {
        if (number == ender && round == end_round) {
            emit_exit_group(p, number);
        }
        for (uint32_t i = 0; i < p->wish.blocks; i++) {
            emit_block(p, block_choose(p), number);
        }
        if (p->wish.ring) {
            emit_ring(p, number);
        }
        if (p->wish.barrier) {
            emit_barrier(p);
        }
    }
}

/* Linux's exit of a thread: clear_child_tid becomes 0, a joiner is woken. */
static void emit_exit(struct program *p, uint32_t number) {
    emit(p, (struct instr){.op = OP_STORE_IMM, .index = NO_INDEX, .a = at_join(p, number)});
    emit_args(p, p->status, (int32_t)at_join(p, number), 0);
    emit_call(p, CALL_EXIT);
}

static void emit_map(struct program *p) {
    p->pages_all = 1 + sync_pages(p) + p->wish.pages + p->wish.threads * p->wish.own_pages;
    emit_args(p, MAP_SEGMENT, (int32_t)page_address(0), (int32_t)(p->pages_all * PAGE_BYTES));
    emit(p, (struct instr){.op = OP_SET, .r = 3, .b = 3});
    emit(p, (struct instr){.op = OP_SET, .r = 4, .b = 1});
    emit_call(p, CALL_MAP);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 0, .b = (int32_t)page_address(0)});
}

static void emit_totals(struct program *p) {
    emit(p, (struct instr){.op = OP_LOAD, .r = 5, .index = NO_INDEX, .a = at_counter(p)});
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = p->total_count});
    for (uint32_t i = 0; i < p->wish.syncs; i++) {
        emit(p, (struct instr){.op = OP_LOAD, .r = 5, .index = NO_INDEX, .a = at_sync(p, i) + 4});
        emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = p->total_locked[i]});
    }
}

void program_make(struct program *p, const struct program_wish *wish, uint64_t random) {
    uint32_t clone[THREADS_EVER_MAX];

    memset(p, 0, sizeof(*p));
    p->wish = *wish;
    p->random = mix64(random) | 1u;
    p->threads_ever = wish->threads;
    p->status = (int32_t)(program_random(p, 100) << 8); /* of every thread: any may be the last */
    emit_map(p);
    emit_semaphores_init(p);
    if (wish->weight[BLOCK_REPLACE] != 0) {
        emit_map_call(p, MAP_MMAP, REPLACED, 2 * PAGE_BYTES, 3);
    }
    for (uint32_t number = 1; number < wish->threads; number++) {
        clone[number] = emit_clone(p, number);
    }
    emit_body(p, 0);
    uint32_t to_joins = emit(p, (struct instr){.op = OP_JUMP});
    for (uint32_t number = 1; number < wish->threads; number++) {
        p->text[clone[number]].b = (int32_t)p->count;
        emit_child_begin(p, number);
        emit_body(p, number);
        emit_exit(p, number);
    }
    patch_here(p, to_joins);
    for (uint32_t number = 1; number < wish->threads; number++) {
        emit_join(p, number);
    }
    if (!p->loose) {
        emit_totals(p);
    }
    emit_args(p, p->status, 0, 0);
    emit_call(p, program_random(p, 2) == 0 ? CALL_EXIT : CALL_EXIT_GROUP);
}
