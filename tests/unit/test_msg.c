/* adapt/msg.c: the table of messages, and the door: each type with its right size, and with every
 * wrong size, tail, key and contents; any bytes at all [D 4]. */
/* sources: adapt/msg.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/msg.h"

/* ---- a sound message of each type ------------------------------------------------------------ */

static bool has_tail(uint8_t type) {
    return type == MSG_JOB_CALL || type == MSG_JOB_WRITE || type == MSG_JOB_READ ||
           type == MSG_JOB_FILE || type == MSG_JOB_BYTES ||
           type == MSG_JOB_ANSWER || type == MSG_THREAD_MOVE ||
           (type >= MSG_ACCEPT && type <= MSG_COMMITTED);
}

static uint32_t tail_at(uint8_t type) {
    if (type == MSG_JOB_ANSWER || type == MSG_JOB_BYTES) {
        return offsetof(struct body_answer, bytes);
    }
    if (type == MSG_THREAD_MOVE) {
        return offsetof(struct body_thread, record);
    }
    return type >= MSG_ACCEPT && type <= MSG_COMMITTED ? offsetof(struct body_decree, view)
                                                       : offsetof(struct body_call, bytes);
}

static void set_tail(struct msg *m, uint32_t bytes) {
    if (m->head.type == MSG_JOB_ANSWER || m->head.type == MSG_JOB_BYTES) {
        m->answer.size = bytes;
    } else if (m->head.type == MSG_THREAD_MOVE) {
        m->thread.size = bytes;
    } else if (m->head.type >= MSG_ACCEPT && m->head.type <= MSG_COMMITTED) {
        m->decree.bytes = (uint16_t)bytes;
    } else {
        m->call.size = bytes;
    }
    m->head.size = (uint16_t)(tail_at(m->head.type) + bytes);
}

static bool is_of_barrier(uint8_t type) {
    return type == MSG_BARRIER_ARRIVE || type == MSG_BARRIER_RELEASE;
}

static struct msg sound(uint8_t type) {
    struct msg m;

    memset(&m, 0x5A, sizeof(m));
    memset(&m.head, 0, sizeof(m.head));
    m.head.type = type;
    m.head.size = (uint16_t)msg_body_bytes(type);
    m.head.generation = 1;
    m.head.key = key_make(msg_service(type), 0x0203, is_of_barrier(type) ? 1ull << 32 | 7 : 7);
    if (has_tail(type)) {
        set_tail(&m, 5);
    }
    if (msg_service(type) == SERVICE_DSM) {
        m.dsm.access = ACCESS_READ;
        m.dsm.part = 0;
    }
    return m;
}

static uint32_t contents_of(const struct msg *m) {
    if (m->head.type != MSG_DSM_PAGE) {
        return 0;
    }
    return m->dsm.part < 2 ? PAGE_PART_BYTES : PAGE_BYTES - 2 * PAGE_PART_BYTES;
}

static void accepted(const struct msg *m) {
    assert_null(msg_invalid(m, contents_of(m)));
}

static void refused(const struct msg *m) {
    const char *reason = msg_invalid(m, contents_of(m));

    assert_non_null(reason);
    assert_true(strlen(reason) > 4);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void test_table(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        assert_true(strlen(msg_name(type)) > 3);
        assert_in_range(msg_body_bytes(type), 4, MSG_BODY_MAX);
        assert_int_equal(msg_body_bytes(type) % 4, 0);
        assert_true(msg_service(type) < SERVICES);
        bool direct = msg_way(type) == WAY_DATAGRAM;
        assert_true(!direct || msg_service(type) == SERVICE_NONE);
        assert_int_equal(direct, msg_late(type) == LATE_DROP); /* [P 7.2]: only these for age */
        for (uint8_t other = 1; other < type; other++) {
            assert_int_not_equal(strcmp(msg_name(type), msg_name(other)), 0);
        }
    }
    assert_int_equal(MSG_HELLO, 1); /* another build must understand these two */
    assert_int_equal(MSG_REFUSE, 2);
    assert_int_equal(msg_body_bytes(MSG_HELLO), 80);
    assert_int_equal(msg_body_bytes(MSG_REFUSE), 32);
}

static void test_beyond_the_table(void **state) {
    (void)state;
    for (uint32_t type = MSGS; type < 256; type++) {
        assert_string_equal(msg_name((uint8_t)type), "unknown");
        assert_int_equal(msg_body_bytes((uint8_t)type), 0);
        assert_int_equal(msg_service((uint8_t)type), SERVICE_NONE);
        assert_int_equal(msg_way((uint8_t)type), WAY_DATAGRAM);
        assert_int_equal(msg_late((uint8_t)type), LATE_DROP);
        struct msg m = sound((uint8_t)type);
        refused(&m);
    }
    struct msg m = sound(MSG_NONE);
    refused(&m);
}

/* With head and datagram's head all of them fit one frame; the small ones a small slot. */
static void test_bounds(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        uint32_t bytes = (uint32_t)sizeof(struct msg_head) + msg_body_bytes(type);
        assert_true(bytes + 44 <= DATAGRAM_BYTES_MAX);
        assert_true(has_tail(type) || msg_way(type) == WAY_DATAGRAM || bytes <= 128);
    }
    assert_true(sizeof(struct msg_head) + sizeof(struct body_dsm) + 44 <= DATAGRAM_HEAD_MAX);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void test_right_sizes(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        struct msg m = sound(type);
        accepted(&m);
        m.head.late = 1;
        accepted(&m);
        m.head.late = 2;
        refused(&m);
    }
}

static void test_wrong_sizes(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        const struct msg right = sound(type);
        for (uint32_t size = 0; size <= 0xFFFF; size += size < 1500 ? 1 : 77) {
            struct msg m = right;
            m.head.size = (uint16_t)size;
            if (size == right.head.size) {
                accepted(&m);
            } else {
                refused(&m);
            }
        }
    }
}

static void test_tails(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        if (!has_tail(type)) {
            continue;
        }
        uint32_t most = msg_body_bytes(type) - tail_at(type);
        struct msg m = sound(type);
        set_tail(&m, 0);
        accepted(&m);
        for (uint32_t bytes = 1; bytes <= most; bytes++) {
            bool whole = tail_at(type) + bytes <= msg_body_bytes(type);
            set_tail(&m, bytes);
            assert_true(whole);
            accepted(&m);
            m.head.size--; /* one byte is missing */
            refused(&m);
            m.head.size += 2;
            refused(&m);
        }
        set_tail(&m, 10);
        m.head.size = (uint16_t)(tail_at(type) - 1);
        refused(&m);
    }
}

/* The size field wraps round or says more than the body has. */
static void test_tail_lies(void **state) {
    static const uint32_t lies[] = {6, 4, 0xFFFF, 0xFFFFFFFF, 0x80000005, 0x10005, 1u << 31};

    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        for (uint32_t i = 0; has_tail(type) && i < sizeof(lies) / sizeof(lies[0]); i++) {
            struct msg m = sound(type);
            uint16_t size = m.head.size;
            set_tail(&m, lies[i]);
            m.head.size = size;
            bool same = type >= MSG_ACCEPT && type <= MSG_COMMITTED && m.decree.bytes == 5;
            if (!same) {
                refused(&m);
            }
        }
    }
}

/* ---- contents -------------------------------------------------------------------------------- */

static void test_contents(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        struct msg m = sound(type);
        uint32_t right = contents_of(&m);
        for (uint32_t bytes = 0; bytes < 1500; bytes++) {
            assert_int_equal(msg_invalid(&m, bytes) == NULL, bytes == right);
        }
    }
}

static void test_page_parts(void **state) {
    uint32_t whole = 0;

    (void)state;
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        struct msg m = sound(MSG_DSM_PAGE);
        m.dsm.part = part;
        accepted(&m);
        whole += contents_of(&m);
        assert_non_null(msg_invalid(&m, part == 2 ? PAGE_PART_BYTES : 1360));
        for (uint32_t access = 0; access < 256; access++) {
            m.dsm.access = (uint8_t)access;
            bool granted = access == ACCESS_READ || access == ACCESS_WRITE;
            assert_int_equal(msg_invalid(&m, contents_of(&m)) == NULL, granted);
        }
    }
    assert_int_equal(whole, PAGE_BYTES);
    for (uint32_t part = PAGE_PARTS; part <= 0xFFFF; part++) {
        struct msg m = sound(MSG_DSM_PAGE);
        m.dsm.part = (uint16_t)part;
        refused(&m);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* tgkill goes on to the job's manager with a key of the job; else a key is of the own service. */
static void test_key_service(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        enum service_no own = msg_service(type);
        for (uint32_t service = 0; service < 256; service++) {
            struct msg m = sound(type);
            m.head.key = (m.head.key & 0x00FFFFFFFFFFFFFFull) | (uint64_t)service << 56;
            bool fits = own == SERVICE_NONE || service == own ||
                        (own == SERVICE_THREADS && service == SERVICE_JOB);
            assert_int_equal(msg_invalid(&m, contents_of(&m)) == NULL, fits);
        }
    }
}

static void test_key_job(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        struct msg m = sound(type);
        if (msg_service(type) == SERVICE_NONE) {
            continue;
        }
        m.head.generation = 0;
        refused(&m);
        m = sound(type);
        m.head.key = key_make(msg_service(type), 0, key_index(m.head.key));
        refused(&m);
        m.head.key = key_make(msg_service(type), 0xFFFF, key_index(m.head.key));
        accepted(&m);
    }
}

static void test_key_index(void **state) {
    static const uint64_t page[] = {PAGES, PAGES + 7, 1ull << 32, 0xFFFFFFFFFFull};

    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        struct msg m = sound(type);
        if (msg_service(type) == SERVICE_DSM) {
            m.head.key = key_make(SERVICE_DSM, 1, PAGES - 1);
            accepted(&m);
            for (uint32_t i = 0; i < 4; i++) {
                m.head.key = key_make(SERVICE_DSM, 1, page[i]);
                refused(&m);
            }
        } else if (msg_service(type) == SERVICE_SYNC && type != MSG_SYNC_ANSWER) {
            m.head.key ^= 1ull << 32; /* a barrier's for a futex, a futex' for a barrier */
            refused(&m);
        }
    }
    struct msg m = sound(MSG_SYNC_ANSWER); /* answers both */
    m.head.key ^= 1ull << 32;
    accepted(&m);
}

/* ---- seats in the body ----------------------------------------------------------------------- */

static void test_body_seat(void **state) {
    (void)state;
    for (uint8_t type = 1; type < MSGS; type++) {
        struct msg m = sound(type);
        bool opens = type == MSG_JOB_NEW || type == MSG_JOB_OPEN;
        if (opens) {
            m.job_open.origin = 200;
            assert_int_equal(msg_body_seat(&m), 200);
        } else if (type == MSG_THREAD_PLACED) {
            m.place.seat = 300;
            m.place.result = 0;
            assert_int_equal(msg_body_seat(&m), 300);
            m.place.result = -ERR_AGAIN; /* no place: the field says nothing */
            assert_int_equal(msg_body_seat(&m), SEAT_NONE);
        } else {
            assert_int_equal(msg_body_seat(&m), SEAT_NONE);
        }
    }
}

/* ---- anything -------------------------------------------------------------------------------- */

/* Any head, any body: sound or not, and why; nothing else happens. */
static void test_random(void **state) {
    uint64_t random = 42;
    uint32_t passed = 0;

    (void)state;
    for (uint32_t k = 0; k < 200000; k++) {
        struct msg *m = malloc(sizeof(*m));
        for (uint32_t i = 0; i < sizeof(m->head) + 64; i++) {
            ((uint8_t *)m)[i] = (uint8_t)random_next(&random);
        }
        memset((uint8_t *)m + sizeof(m->head) + 64, 0, sizeof(*m) - sizeof(m->head) - 64);
        if (k % 2) {
            m->head.type = (uint8_t)(k % MSGS);
            m->head.late = 0;
            m->head.size = (uint16_t)msg_body_bytes(m->head.type);
            m->head.key = key_make(msg_service(m->head.type), 3, k % 4);
        }
        const char *reason = msg_invalid(m, random_next(&random) % 2 ? 0 : PAGE_PART_BYTES);
        passed += reason == NULL;
        free(m);
    }
    assert_in_range(passed, 10000, 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_beyond_the_table),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_right_sizes),
        cmocka_unit_test(test_wrong_sizes),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_tail_lies),
        cmocka_unit_test(test_contents),
        cmocka_unit_test(test_page_parts),
        cmocka_unit_test(test_key_service),
        cmocka_unit_test(test_key_job),
        cmocka_unit_test(test_key_index),
        cmocka_unit_test(test_body_seat),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
