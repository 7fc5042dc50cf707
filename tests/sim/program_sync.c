/* Pieces of programs that wait for each other: mutexes in three states as musl has them, timed
 * locks that are given up, semaphores, condition variables in a ring, barriers, joins. What they
 * protect is counted by plain loads and stores, so a broken lock shows at once or in the total. */
#include "tests/sim/program.h"

enum { LOCK_FREE = 0, LOCK_TAKEN = 1, LOCK_WAITED = 2, SEMAPHORE_FIRST = 2 };

static uint32_t semaphore_of(const struct program *p, uint32_t i) {
    return at_sync(p, p->wish.syncs + i);
}

static uint32_t queue_of(const struct program *p, uint32_t number) {
    return at_sync(p, 2 * p->wish.syncs + 2 * number); /* mutex, items; then condition */
}

static uint32_t condition_of(const struct program *p, uint32_t number) {
    return at_sync(p, 2 * p->wish.syncs + 2 * number + 1);
}

static uint32_t emit_word(struct program *p, enum opcode op, uint32_t address, int32_t b) {
    return emit(p, (struct instr){.op = (uint8_t)op, .r = 5, .index = NO_INDEX, .a = address,
                                  .b = b});
}

static uint32_t emit_jump(struct program *p, enum opcode op, uint8_t r, int32_t b, uint32_t to) {
    return emit(p, (struct instr){.op = (uint8_t)op, .r = r, .b = b, .a = to});
}

/* r0 = result. r1: the expected value, as in Linux; r3: deadline in us from now, 0 none. */
static void emit_futex_wait(struct program *p, uint32_t address, int32_t value, int32_t in_us) {
    emit_args(p, (int32_t)address, value, -1);
    emit(p, (struct instr){.op = OP_SET, .r = 3, .b = in_us});
    emit_call(p, CALL_FUTEX_WAIT);
}

static void emit_futex_wake(struct program *p, uint32_t address, int32_t count) {
    emit_args(p, (int32_t)address, count, -1);
    emit_call(p, CALL_FUTEX_WAKE);
}

void emit_lock(struct program *p, uint32_t mutex) {
    emit(p, (struct instr){.op = OP_CAS, .r = 5, .index = NO_INDEX, .a = mutex, .b = LOCK_FREE,
                           .c = LOCK_TAKEN});
    uint32_t fast = emit_jump(p, OP_JUMP_EQ, 5, LOCK_FREE, 0);
    uint32_t again = emit_word(p, OP_XCHG, mutex, LOCK_WAITED);
    uint32_t got = emit_jump(p, OP_JUMP_EQ, 5, LOCK_FREE, 0);

    emit_futex_wait(p, mutex, LOCK_WAITED, 0);
    emit_jump(p, OP_JUMP, 0, 0, again);
    patch_here(p, fast);
    patch_here(p, got);
}

void emit_unlock(struct program *p, uint32_t mutex) {
    emit_word(p, OP_XCHG, mutex, LOCK_FREE);
    uint32_t nobody = emit_jump(p, OP_JUMP_NE, 5, LOCK_WAITED, 0);

    emit_futex_wake(p, mutex, 1);
    patch_here(p, nobody);
}

static void emit_section(struct program *p, uint32_t section, uint32_t counter) {
    emit(p, (struct instr){.op = OP_ENTER, .a = section, .b = 1});
    emit_word(p, OP_LOAD, counter, 0);
    emit(p, (struct instr){.op = OP_WORK, .b = (int32_t)program_random(p, 30)});
    emit(p, (struct instr){.op = OP_ADD, .r = 5, .b = 1});
    emit_word(p, OP_STORE, counter, 0);
    emit(p, (struct instr){.op = OP_LEAVE, .a = section});
}

void emit_lock_block(struct program *p, uint32_t i) {
    uint32_t mutex = at_sync(p, i);

    emit_lock(p, mutex);
    emit_section(p, i, mutex + 4);
    emit_unlock(p, mutex);
    p->total_locked[i]++;
}

/* Gives up when the time is out: another waiter must get the wake that came too late. What it
 * counts when it got the lock, it takes back, so the total does not depend on luck. */
void emit_timed_lock_block(struct program *p, uint32_t i) {
    uint32_t mutex = at_sync(p, i);

    emit(p, (struct instr){.op = OP_CAS, .r = 5, .index = NO_INDEX, .a = mutex, .b = LOCK_FREE,
                           .c = LOCK_TAKEN});
    uint32_t fast = emit_jump(p, OP_JUMP_EQ, 5, LOCK_FREE, 0);
    uint32_t again = emit_word(p, OP_XCHG, mutex, LOCK_WAITED);
    uint32_t got = emit_jump(p, OP_JUMP_EQ, 5, LOCK_FREE, 0);

    uint32_t most_us = program_random(p, 2) == 0 ? 400 : 4000; /* short: wake and cancel meet */
    emit_futex_wait(p, mutex, LOCK_WAITED, (int32_t)(50 + program_random(p, most_us)));
    uint32_t given_up = emit_jump(p, OP_JUMP_EQ, 0, -ERR_TIMED_OUT, 0);
    emit_jump(p, OP_JUMP, 0, 0, again);
    patch_here(p, fast);
    patch_here(p, got);
    emit(p, (struct instr){.op = OP_ENTER, .a = i, .b = 1});
    emit(p, (struct instr){.op = OP_WORK, .b = (int32_t)program_random(p, 200)});
    emit(p, (struct instr){.op = OP_LEAVE, .a = i});
    emit_unlock(p, mutex);
    patch_here(p, given_up);
}

/* An area that all threads share, mapped and unmapped under a mutex: its flag says whether it is
 * there. Whoever finds it uses it or takes it away. */
void emit_share_block(struct program *p, uint32_t i) {
    uint32_t mutex = at_sync(p, i);
    uint32_t area = 0x3F000000u + i * 0x100000u;
    uint32_t last = area + PAGE_BYTES;

    emit_lock(p, mutex);
    emit_word(p, OP_LOAD, mutex + 8, 0);
    uint32_t there = emit_jump(p, OP_JUMP_NE, 5, 0, 0);
    emit_map_call(p, MAP_MMAP, area, 2 * PAGE_BYTES, 3);
    emit_word(p, OP_XADD, last, 7);
    emit(p, (struct instr){.op = OP_EXPECT, .r = 5});
    emit_word(p, OP_STORE_IMM, mutex + 8, 1);
    uint32_t done = emit_jump(p, OP_JUMP, 0, 0, 0);
    patch_here(p, there);
    if (program_random(p, 3) != 0) {
        emit_word(p, OP_LOAD, last, 0);
        emit(p, (struct instr){.op = OP_EXPECT, .r = 5, .b = 7});
        emit_word(p, program_random(p, 2) == 0 ? OP_LOAD : OP_STORE_IMM, area, 3);
    } else {
        emit_map_call(p, MAP_MUNMAP, area, 2 * PAGE_BYTES, 0);
        emit_word(p, program_random(p, 2) == 0 ? OP_NO_READ : OP_NO_WRITE, last, 0);
        emit_word(p, OP_STORE_IMM, mutex + 8, 0);
    }
    patch_here(p, done);
    emit_unlock(p, mutex);
}

void emit_semaphores_init(struct program *p) {
    for (uint32_t i = 0; i < p->wish.syncs; i++) {
        emit_word(p, OP_STORE_IMM, semaphore_of(p, i), SEMAPHORE_FIRST);
    }
}

/* sem_wait: r5 = value; 0: sleep; else CAS(value, value - 1) for the few values that there are. */
void emit_semaphore_block(struct program *p, uint32_t i) {
    uint32_t semaphore = semaphore_of(p, i);
    uint32_t got[SEMAPHORE_FIRST];
    uint32_t again = p->count;

    for (int32_t value = 1; value <= SEMAPHORE_FIRST; value++) {
        emit(p, (struct instr){.op = OP_CAS, .r = 5, .index = NO_INDEX, .a = semaphore, .b = value,
                               .c = value - 1});
        got[value - 1] = emit_jump(p, OP_JUMP_EQ, 5, value, 0);
    }
    emit_futex_wait(p, semaphore, 0, 0);
    emit_jump(p, OP_JUMP, 0, 0, again);
    for (uint32_t value = 0; value < SEMAPHORE_FIRST; value++) {
        patch_here(p, got[value]);
    }
    emit(p, (struct instr){.op = OP_ENTER, .a = p->wish.syncs + i, .b = SEMAPHORE_FIRST});
    emit(p, (struct instr){.op = OP_WORK, .b = (int32_t)program_random(p, 100)});
    emit(p, (struct instr){.op = OP_LEAVE, .a = p->wish.syncs + i});
    emit_word(p, OP_XADD, semaphore, 1);
    emit_futex_wake(p, semaphore, 1);
}

static void emit_produce(struct program *p, uint32_t to) {
    emit_lock(p, queue_of(p, to));
    emit_word(p, OP_XADD, queue_of(p, to) + 4, 1);
    emit_unlock(p, queue_of(p, to));
    emit_word(p, OP_XADD, condition_of(p, to), 1);
    emit_futex_wake(p, condition_of(p, to), program_random(p, 2) == 0 ? 1 : INT32_MAX);
}

static void emit_consume(struct program *p, uint32_t number) {
    emit_lock(p, queue_of(p, number));
    uint32_t again = emit_word(p, OP_LOAD, queue_of(p, number) + 4, 0);
    uint32_t ready = emit_jump(p, OP_JUMP_NE, 5, 0, 0);

    emit(p, (struct instr){.op = OP_LOAD, .r = 6, .index = NO_INDEX,
                           .a = condition_of(p, number)});
    emit_unlock(p, queue_of(p, number));
    emit_args(p, (int32_t)condition_of(p, number), 0, -1);
    emit(p, (struct instr){.op = OP_MOVE, .r = 1, .index = 6});
    emit(p, (struct instr){.op = OP_SET, .r = 3});
    emit_call(p, CALL_FUTEX_WAIT);
    emit_lock(p, queue_of(p, number));
    emit_jump(p, OP_JUMP, 0, 0, again);
    patch_here(p, ready);
    emit_word(p, OP_XADD, queue_of(p, number) + 4, -1);
    emit_unlock(p, queue_of(p, number));
}

void emit_ring(struct program *p, uint32_t number) {
    emit_produce(p, (number + 1) % p->wish.threads);
    emit_consume(p, number);
}

void emit_barrier(struct program *p) {
    emit_args(p, (int32_t)at_sync(p, 2 * p->wish.syncs + 2 * p->wish.threads),
              (int32_t)p->wish.threads, 0);
    emit_call(p, CALL_BARRIER);
}

void emit_join(struct program *p, uint32_t number) {
    uint32_t again = emit_word(p, OP_LOAD, at_join(p, number), 0);
    uint32_t gone = emit_jump(p, OP_JUMP_EQ, 5, 0, 0);

    emit_futex_wait(p, at_join(p, number), 1, 0);
    emit_jump(p, OP_JUMP, 0, 0, again);
    patch_here(p, gone);
}
