/* The state x event table of services/dsm.h, walked completely: read from the header's own text,
 * compared with dsm_rule, and each cell driven through the real handlers on a one-page world, where
 * action and state afterwards must be as written. What only a broken peer does is counted, never
 * asserted [P 8.2]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include <string.h>

#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, B = 4, ASKER = 10, LATE_OP = 900 };

struct cell {
    uint8_t action, next; /* PAGE_STATES: unchanged */
};
static struct cell table[PAGE_EVENTS][PAGE_STATES];

static const char *const event_names[PAGE_EVENTS] = {
    "read fault", "write fault",  "page, read",  "page, write", "grant zero",
    "grant rights", "invalidate", "fetch, read", "fetch, write"};
static const char *const state_names[PAGE_STATES] = {
    "FREE", "WAIT_READ", "WAIT_WRITE", "READ", "READ_WAIT", "OWNED", "OWNED_WAIT", "WRITE"};

/* ---- the header's text ----------------------------------------------------------------------- */

static uint8_t action_of(const char *word) {
    static const char *const names[] = {"serve", "ask", "queue", "", "ack", "send", "stray",
                                        "refuse"};

    for (uint8_t i = 0; i < 8; i++) {
        if (names[i][0] != '\0' && strcmp(word, names[i]) == 0) {
            return i; /* in the order of enum page_action */
        }
    }
    fail_msg("services/dsm.h: no action is called %s", word);
    return 0;
}

static uint8_t state_of_word(const char *word) {
    static const struct {
        const char *word;
        uint8_t state;
    } words[] = {{"F", PAGE_FREE},        {"O", PAGE_OWNED},       {"WR", PAGE_WAIT_READ},
                 {"WW", PAGE_WAIT_WRITE}, {"RW", PAGE_READ_WAIT},  {"OW", PAGE_OWNED_WAIT},
                 {"READ", PAGE_READ},     {"WRITE", PAGE_WRITE},   {"WRITE*", PAGE_WRITE}};

    for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].state;
        }
    }
    fail_msg("services/dsm.h: no state is called %s", word);
    return 0;
}

/* "ask >WR  queue …": an action, and where it leads; an arrow alone installs. */
static void read_row(enum page_event event, char *text) {
    int column = -1;

    for (char *word = strtok(text, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        if (word[0] != '>') {
            column++;
            assert_true(column < PAGE_STATES);
            table[event][column] = (struct cell){action_of(word), PAGE_STATES};
            continue;
        }
        bool alone = column < 0 || table[event][column].next != PAGE_STATES ||
                     (table[event][column].action != ACT_ASK &&
                      table[event][column].action != ACT_ACK &&
                      table[event][column].action != ACT_SEND);
        if (alone) {
            column++;
            assert_true(column < PAGE_STATES);
            table[event][column].action = ACT_INSTALL;
        }
        table[event][column].next = state_of_word(word + 1);
    }
    assert_int_equal(column, PAGE_STATES - 1);
}

static int read_header(void **state) {
    FILE *file = fopen("services/dsm.h", "r");
    char line[200];
    uint32_t rows = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        for (uint32_t i = 0; i < PAGE_EVENTS; i++) {
            char head[40];
            int n = snprintf(head, sizeof(head), " *  %-13s", event_names[i]);
            if (n > 0 && strncmp(line, head, (size_t)n) == 0) {
                read_row((enum page_event)i, line + n);
                rows++;
            }
        }
    }
    fclose(file);
    assert_int_equal(rows, PAGE_EVENTS);
    return 0;
}

static void test_header_is_the_table(void **state) {
    (void)state;
    for (uint32_t event = 0; event < PAGE_EVENTS; event++) {
        for (uint32_t from = 0; from < PAGE_STATES; from++) {
            const struct page_rule *rule = &dsm_rule[event][from];
            if (rule->action != table[event][from].action ||
                rule->next != table[event][from].next) {
                fail_msg("%s in %s: dsm_rule says %u -> %u, the header %u -> %u",
                         event_names[event], state_names[from], rule->action, rule->next,
                         table[event][from].action, table[event][from].next);
            }
        }
    }
}

/* ---- each cell through the handlers ---------------------------------------------------------- */

/* The answer that this state awaits, else one that nobody does. */
static uint32_t some_op(void) {
    uint32_t op = page_row(P) != NULL ? op_of(P) : 0;

    return op != 0 ? op : LATE_OP;
}

static void ask_owner(enum msg_type type, enum access access) {
    struct msg m = message(type, P, B, 77);

    m.head.version = 9;
    m.dsm.access = (uint8_t)access;
    hear(MANAGER, &m);
}

static void happen(enum page_event event) {
    switch (event) {
    case PEV_READ_FAULT: fault(ASKER, P, ACCESS_READ); break;
    case PEV_WRITE_FAULT: fault(ASKER, P, ACCESS_WRITE); break;
    case PEV_PAGE_READ: hear_page(P, some_op(), ACCESS_READ, 0); break;
    case PEV_PAGE_WRITE: hear_page(P, some_op(), ACCESS_WRITE, 0); break;
    case PEV_GRANT_ZERO: hear_grant(P, some_op(), DSM_ZERO, 0); break;
    case PEV_GRANT_RIGHTS: hear_grant(P, some_op(), 0, 0); break;
    case PEV_INVALIDATE: ask_owner(MSG_DSM_INVALIDATE, ACCESS_WRITE); break;
    case PEV_FETCH_READ: ask_owner(MSG_DSM_FETCH, ACCESS_READ); break;
    case PEV_FETCH_WRITE: ask_owner(MSG_DSM_FETCH, ACCESS_WRITE); break;
    default: fail();
    }
}

/* What was sent: exactly so many of this type, and nothing else. */
static void only_sent(enum msg_type type, uint32_t count) {
    assert_int_equal(sent_of(type), count);
    assert_int_equal(dw.sent_count, count);
}

static void check_fault(enum page_event event, enum page_action action) {
    bool write = event == PEV_WRITE_FAULT;

    if (action == ACT_ASK) {
        only_sent(write ? MSG_DSM_WRITE_REQ : MSG_DSM_READ_REQ, 1);
        assert_int_equal(dw.sent[0].to, MANAGER);
    } else {
        sent_nothing();
    }
    assert_int_equal(effects_of(FX_WAKE), action == ACT_SERVE);
    assert_true(action != ACT_SERVE || woken(ASKER, 0));
    assert_int_equal(dw.refused, 0);
}

static void check_action(enum page_event event, enum page_action action) {
    switch (action) {
    case ACT_SERVE:
    case ACT_ASK:
    case ACT_QUEUE:
        check_fault(event, action);
        break;
    case ACT_INSTALL:
        assert_int_equal(sent_of(MSG_DSM_DONE), 1);
        assert_int_equal(effects_of(FX_MAP), 1);
        assert_int_equal(dw.refused, 0);
        break;
    case ACT_ACK:
        only_sent(MSG_DSM_INV_ACK, 1);
        assert_int_equal(dw.sent[0].to, B);
        assert_int_equal(dw.refused, 0);
        break;
    case ACT_SEND:
        only_sent(MSG_DSM_PAGE, PAGE_PARTS);
        assert_int_equal(dw.sent[0].to, B);
        assert_int_equal(dw.refused, 0);
        break;
    case ACT_STRAY: /* an awaited answer of the wrong kind is counted as well */
        sent_nothing();
        assert_int_equal(dw.fx.count, 0);
        break;
    case ACT_REFUSE:
        sent_nothing();
        assert_int_equal(dw.fx.count, 0);
        assert_true(dw.refused <= 1);
        break;
    default:
        fail();
    }
}

/* A dropped row cannot be told from one that never was: a fetch of it is a straggler's. */
static void walk(enum page_event event, enum page_state from) {
    const struct cell *cell = &table[event][from];

    dsm_world_start(8);
    page_bring(P, from);
    assert_int_equal(state_of(P), from);
    happen(event);
    enum page_state to = cell->next == PAGE_STATES ? from : (enum page_state)cell->next;

    if (state_of(P) != to) {
        fail_msg("%s in %s: state %s, the table says %s", event_names[event], state_names[from],
                 state_names[state_of(P)], state_names[to]);
    }
    check_action(event, (enum page_action)cell->action);
    if (cell->action == ACT_REFUSE && from != PAGE_FREE) {
        assert_int_equal(dw.refused, 1);
    }
    dsm_world_end();
}

static void test_every_cell(void **state) {
    (void)state;
    for (uint32_t event = 0; event < PAGE_EVENTS; event++) {
        for (uint32_t from = 0; from < PAGE_STATES; from++) {
            walk((enum page_event)event, (enum page_state)from);
        }
    }
}

/* The hold: what the table sends or acks at once waits for the thread that was woken [P 8.3]. */
static void test_held_cells_wait(void **state) {
    (void)state;
    for (uint32_t event = PEV_INVALIDATE; event < PAGE_EVENTS; event++) {
        for (uint32_t from = PAGE_READ; from < PAGE_STATES; from++) {
            const struct cell *cell = &table[event][from];
            if (cell->action == ACT_REFUSE) {
                continue;
            }
            dsm_world_start(8);
            page_bring(P, (enum page_state)from);
            fault(ASKER, P, ACCESS_READ); /* served at once, and held */
            happen((enum page_event)event);
            sent_nothing();
            assert_int_equal(state_of(P), from);
            ran(ASKER);
            check_action((enum page_event)event, (enum page_action)cell->action);
            assert_int_equal(state_of(P), cell->next == PAGE_STATES ? from : cell->next);
            dsm_world_end();
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_header_is_the_table, read_header),
        cmocka_unit_test_setup(test_every_cell, read_header),
        cmocka_unit_test_setup(test_held_cells_wait, read_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
