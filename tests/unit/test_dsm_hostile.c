/* Broken peers against the DSM: any messages that the door lets in, in any order, between the
 * faults of honest threads. Nothing asserts, and after each event every table agrees. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, PAGES_USED = 6, COOKIES_MAX = 16384, EVENTS_A_SEED = 3000 };

static uint64_t random_state;
static uint32_t cookie[COOKIES_MAX]; /* parts sent by reference and not acked */
static uint32_t cookies;

static uint32_t dice(uint32_t sides) {
    return random_next(&random_state) % sides;
}

static page_no any_page(void) {
    return P + dice(PAGES_USED);
}

/* Half of the time what the page awaits or is about, else anything. */
static uint32_t any_op(page_no page) {
    const struct dsm_page *p = page_row(page);
    const struct dsm_entry *e = entry_of(page);

    switch (dice(6)) {
    case 0:
        return 0;
    case 1:
        return dice(8);
    case 2:
        return e != NULL ? e->busy_op : 1;
    default:
        return p != NULL ? p->op : dice(4);
    }
}

/* What the last event sent by reference waits for its ack. */
static void note_cookies(void) {
    for (uint32_t i = 0; i < dw.sent_count; i++) {
        if (dw.sent[i].cookie != 0) {
            assert_true(cookies < COOKIES_MAX);
            cookie[cookies++] = dw.sent[i].cookie;
        }
    }
}

/* Messages to itself come back through the same handlers. */
static void loop(void) {
    for (uint32_t depth = 0; depth < 100; depth++) {
        struct msg m;
        bool found = false;
        note_cookies();
        for (uint32_t i = 0; i < dw.sent_count && !found; i++) {
            found = dw.sent[i].to == SELF;
            if (found) {
                memset(&m, 0, sizeof(m));
                memcpy(&m, &dw.sent[i].m, sizeof(m.head) + dw.sent[i].m.head.size);
            }
        }
        if (!found) {
            return;
        }
        hear(SELF, &m);
    }
    fail_msg("messages to itself do not end");
}

static void say_something(void) {
    enum msg_type type = (enum msg_type)(MSG_DSM_READ_REQ + dice(8));
    page_no page = any_page();
    struct msg m = message(type, page, (seat_id)dice(MEMBERS_MAX), any_op(page));
    seat_id from = dice(2) ? m.head.seat : (seat_id)dice(MEMBERS_MAX);

    m.head.version = dice(3) ? dice(5) : random_next(&random_state);
    m.dsm.birth = (uint16_t)(dice(8) ? BIRTH : BIRTH - 2 + dice(5));
    m.dsm.access = (uint8_t)(dice(8) ? 1 + dice(2) : random_next(&random_state));
    m.dsm.flags = (uint8_t)(dice(8) ? dice(4) : random_next(&random_state));
    m.dsm.acks = (uint16_t)(dice(4) ? dice(3) : random_next(&random_state));
    m.dsm.part = (uint16_t)dice(PAGE_PARTS);
    if (type == MSG_DSM_PAGE) {
        const struct dsm_page *p = page_row(page);
        m.dsm.access = (uint8_t)(1 + dice(2));
        m.dsm.part = p != NULL && dice(4) && p->parts < PAGE_PARTS ? p->parts : m.dsm.part;
    }
    if (dice(50) == 0) {
        m.head.generation++;
    }
    hear(from, &m);
    loop();
}

/* What an honest owner or manager would say. */
static void answer_something(void) {
    page_no page = any_page();
    enum page_state state = state_of(page);
    uint32_t op = state != PAGE_FREE ? op_of(page) : 0;

    if (state == PAGE_WAIT_READ || state == PAGE_WAIT_WRITE) {
        enum access access = state == PAGE_WAIT_READ ? ACCESS_READ : ACCESS_WRITE;
        for (uint16_t part = 0; part < PAGE_PARTS; part++) {
            hear_part(page, op, access, part, 0);
            loop();
        }
    } else if (op != 0) {
        hear_grant(page, op, 0, 0);
        loop();
    }
}

static void ack_something(void) {
    if (cookies != 0) {
        uint32_t i = dice(cookies), which = cookie[i];
        cookie[i] = cookie[--cookies];
        acked(which, dice(10) == 0);
    }
}

static void do_something(void) {
    switch (dice(40)) {
    case 0:
        unmap(any_page(), 1 + dice(4));
        break;
    case 1:
        protect(any_page(), 1 + dice(64), (enum access)dice(3));
        break;
    case 2:
        token_gone(dice(8));
        break;
    case 3:
        resend();
        break;
    case 4:
        dw.area = (enum area_answer)dice(3);
        dw.birth = (uint16_t)(BIRTH + dice(2));
        area_learnt(any_page());
        break;
    case 5:
        tick_at(dw.node.now_us + dice(3000));
        break;
    default:
        dw.area = AREA_YES;
        if (dice(2)) {
            fault(dice(8), any_page(), (enum access)(1 + dice(2)));
        } else {
            ran(dice(8));
        }
    }
    loop();
}

static void run_seed(uint64_t seed, uint32_t frames) {
    random_state = mix64(seed + 1) | 1;
    cookies = 0;
    dsm_world_start_with(&(struct limits){
        .frames = frames, .entries = 5, .threads = 8, .waiters = 12});
    dw.manager = seed % 2 ? SELF : MANAGER;
    for (uint32_t i = 0; i < EVENTS_A_SEED; i++) {
        uint32_t what = dice(10);
        if (what < 5) {
            say_something();
        } else if (what < 6) {
            ack_something();
        } else if (what < 7) {
            answer_something();
        } else {
            do_something();
        }
    }
    for (token_no token = 0; token < 8; token++) {
        token_gone(token);
        loop();
    }
    job_close();
    while (cookies != 0) {
        ack_something();
    }
    assert_int_equal(frames_used(), 0); /* whatever was said, nothing is left */
    assert_int_equal(dsm_counters(&dw.node).entries, 0);
    dsm_world_end();
}

static void test_hostile(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        run_seed(seed, seed % 3 == 0 ? 2 : 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
