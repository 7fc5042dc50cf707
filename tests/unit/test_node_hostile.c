/* A member with a job running hears 100,000 messages of broken members: right CRC, right identity,
 * right sequence, any contents. Nothing asserts, nothing is woken twice; random bytes too. */
/* sources: tests/unit/node_world.c adapt/node.c adapt/service.c adapt/member.c
   adapt/member_hello.c adapt/member_seen.c adapt/member_found.c adapt/member_newcomers.c
   adapt/member_propose.c adapt/member_accept.c adapt/supervisor.c adapt/supervisor_stable.c
   adapt/view.c adapt/view_parse.c adapt/locator.c adapt/format.c adapt/trace.c adapt/report.c
   adapt/msg.c net/link.c net/link_crc.c net/link_receive.c net/link_send.c net/link_slot.c
   services/services.c services/rows.c services/dsm_hold.c services/dsm_manager.c
   services/dsm_owner.c services/dsm_page.c services/dsm_requester.c services/dsm_publish.c
   services/dsm_service.c services/job_area.c services/job_bytes.c services/job_cache.c
   services/job_call.c services/job_files.c services/job_local.c services/job_manager.c
   services/job_map.c services/job_place.c services/job_run.c services/job_service.c
   services/job_stream.c services/sync_barrier.c services/sync_futex.c services/sync_requester.c
   services/sync_service.c services/sync_table.c services/threads.c services/threads_clone.c
   services/threads_exit.c services/threads_manager.c */
#include "tests/unit/node_world.h"

enum { MESSAGES = 100000, A_ROUND = 1000, AREA_PAGES = 16 };

static uint64_t random_state;
static uint32_t victim;
static page_no area;        /* first page of the area that the job has mapped */
static job_id job;
static uint16_t generation;
static bool acks;           /* the broken members ack what they get */
static uint64_t given;      /* messages that a handler saw */

static uint32_t dice(uint32_t sides) {
    return random_next(&random_state) % sides;
}

/* ---- what might mean something --------------------------------------------------------------- */

static uint32_t any_tid(void) {
    const struct world_slot *s = &nw.node[victim].slot[dice(4)];

    return dice(3) ? s->tid : dice(2) ? job : 0x10001 + dice(4);
}

static uint32_t any_word(void) {
    struct thread_slot *slot = threads_slot(nw.node[victim].n, dice(4));

    switch (dice(12)) {
    case 0: return 0;
    case 1: return dice(8);
    case 2: return dice(4);                      /* a slot, an operation of a call */
    case 3: return any_tid();
    case 4: return slot->op;
    case 5: return area + dice(AREA_PAGES);
    case 6: return (area + dice(AREA_PAGES)) * PAGE_BYTES + dice(64) * 4;
    case 7: return (uint32_t)-(int32_t)dice(40);
    case 8: return dice(CALL_BYTES_MAX * 2);
    case 9: return CALL_NONE + dice(CALLS);
    case 10: return 1u << dice(32);
    default: return random_next(&random_state);
    }
}

static uint64_t any_index(uint8_t type) {
    uint32_t address = (area + dice(AREA_PAGES)) * PAGE_BYTES + dice(3) * 4;
    bool barrier = type == MSG_BARRIER_ARRIVE || type == MSG_BARRIER_RELEASE;

    if (dice(20) == 0) {
        return (uint64_t)random_next(&random_state) << dice(9);
    }
    switch (msg_service(type)) {
    case SERVICE_DSM:
        return area + dice(AREA_PAGES);
    case SERVICE_SYNC:
        return address / 4 | (uint64_t)(dice(10) ? barrier : !barrier) << 32;
    case SERVICE_THREADS:
        return any_tid();
    default:
        return dice(20) ? 0 : any_word();
    }
}

/* ---- a message ------------------------------------------------------------------------------- */

static uint8_t any_type(void) {
    for (;;) {
        uint8_t type = (uint8_t)(1 + dice(MSGS - 1));
        bool ends = type == MSG_JOB_END || type == MSG_JOB_CLOSE || type == MSG_THREAD_SIGNAL;
        bool opens = type == MSG_JOB_NEW || type == MSG_JOB_SHRINK;
        if (msg_way(type) != WAY_LINK || (ends && dice(100)) || (opens && dice(5))) {
            continue;
        }
        return type;
    }
}

static void fill_tail(struct msg *m) {
    uint32_t size = dice(4) ? dice(64) : dice(CALL_BYTES_MAX + 1);

    switch (m->head.type) {
    case MSG_JOB_CALL:
    case MSG_JOB_WRITE:
    case MSG_JOB_READ:
        m->call.size = size;
        m->head.size = (uint16_t)(offsetof(struct body_call, bytes) + size);
        break;
    case MSG_JOB_ANSWER:
        m->answer.size = size;
        m->head.size = (uint16_t)(offsetof(struct body_answer, bytes) + size);
        break;
    case MSG_THREAD_MOVE:
        m->thread.size = size < RECORD_BYTES_MAX ? size : RECORD_BYTES_MAX;
        m->head.size = (uint16_t)(offsetof(struct body_thread, record) + m->thread.size);
        break;
    default:
        break;
    }
}

static void fill_dsm(struct msg *m) {
    struct node *n = nw.node[victim].n;
    struct dsm_row row;

    m->dsm.access = (uint8_t)(1 + dice(2));
    m->dsm.flags = (uint8_t)dice(4);
    m->dsm.part = (uint16_t)dice(PAGE_PARTS);
    m->dsm.acks = (uint16_t)(dice(4) ? 0 : dice(4));
    m->dsm.birth = (uint16_t)(dice(4) ? dice(6) : any_word());
    m->head.op = dice(3) ? dice(12) : any_word(); /* the DSM's own numbers: few so far */
    if (dice(2) && dsm_row(n, dice(nw.limits.frames), &row) && row.job != 0) {
        m->head.key = key_make(SERVICE_DSM, row.job, row.page);
    }
}

static void fill(struct msg *m) {
    uint8_t type = any_type();
    uint32_t words[MSG_BODY_MAX / 4];

    for (uint32_t i = 0; i < sizeof(words) / 4; i++) {
        words[i] = i < 16 ? any_word() : 0x41414141;
    }
    memcpy(m->bytes, words, sizeof(words));
    bool other = dice(20) == 0 || (type == MSG_THREAD_SIGNAL && dice(2));
    enum service_no service = other ? (enum service_no)dice(SERVICES) : msg_service(type);
    m->head = (struct msg_head){
        .type = type,
        .size = (uint16_t)msg_body_bytes(type),
        .generation = (uint16_t)(dice(20) ? generation : any_word()),
        .seat = (seat_id)(dice(30) ? dice(nw.nodes) : any_word()),
        .key = key_make(service, (job_id)(dice(20) ? job : any_word()), any_index(type)),
        .version = dice(3) ? dice(4) : any_word(),
        .op = any_word(),
    };
    if (msg_service(type) == SERVICE_DSM) {
        fill_dsm(m);
    }
    fill_tail(m);
}

/* The victim's messages to that member are acked, half of the time all of them; in every fifth
 * round never. */
static void say(const struct msg *m, uint32_t from) {
    const struct link_peer *p = link_peer_at(nw_links(victim), nw_seat(from));
    uint8_t bytes[DATAGRAM_BYTES_MAX];
    uint32_t contents = 0;

    if (p->state != LINK_OPEN) {
        return;
    }
    if (m->head.type == MSG_DSM_PAGE) {
        contents = m->dsm.part < 2 ? PAGE_PART_BYTES : PAGE_BYTES - 2 * PAGE_PART_BYTES;
    }
    uint32_t size = nw_forge(bytes, from, victim, m, contents);
    struct datagram_head *head = (void *)bytes;
    head->ack = p->base + (acks ? dice(2) * p->in_flight : 0);
    link_seal(bytes, size, NULL, 0);
    uint8_t *exact = malloc(size);
    memcpy(exact, bytes, size);
    uint64_t before = nw.node[victim].n->counters.received;
    nw_datagram(victim, nw_mac(from), exact, size);
    given += nw.node[victim].n->counters.received - before;
    free(exact);
}

/* ---- honest threads meanwhile ---------------------------------------------------------------- */

static void call_something(token_no token) {
    static const uint8_t record[24];
    uint32_t address = area * PAGE_BYTES;
    struct event_call call = {.token = token, .arg = {address, 1, 0xFFFFFFFF, 3, 0}};

    switch (dice(8)) {
    case 0:
        call.op = CALL_FUTEX_WAIT;
        break;
    case 1:
        call.op = CALL_FUTEX_WAKE;
        break;
    case 2:
        call.op = CALL_BARRIER;
        call.arg[1] = 2;
        break;
    case 3:
        call.op = CALL_MAP;
        call.arg[0] = MAP_MPROTECT;
        call.arg[1] = address;
        call.arg[2] = PAGE_BYTES;
        break;
    case 4:
        call.op = CALL_CLONE;
        call.bytes = record;
        call.size = sizeof(record);
        break;
    case 5:
        call.op = CALL_WRITE_OUT;
        call.arg[0] = 1;
        call.bytes = record;
        call.size = sizeof(record);
        break;
    case 6:
        call.op = CALL_READ_IN;
        call.arg[0] = 10;
        break;
    default:
        call.op = CALL_SLEEP;
        call.deadline_us = node_cluster_us(nw.node[victim].n, nw.now_us) + dice(3000);
    }
    nw_call(victim, &call);
}

static void threads_go_on(void) {
    for (token_no token = 0; token < 6; token++) {
        const struct world_slot *s = &nw.node[victim].slot[token];
        if (s->state == SLOT_COMPARES) {
            NW_CALL(victim, CALL_FUTEX_COMPARED, token, dice(2));
        } else if (s->state == SLOT_RUNS && dice(2)) {
            nw_fault(victim, token, area + dice(AREA_PAGES), (enum access)(1 + dice(2)));
        } else if (s->state == SLOT_RUNS && dice(2)) {
            nw_step(victim, &(struct event){.type = EV_RAN, .ran = {token}});
        } else if (s->state == SLOT_RUNS && s->tid != job) {
            call_something(token);
        }
    }
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Three honest nodes start a job with threads on each; then two of them are broken. */
static void round_begin(uint64_t seed) {
    static const uint8_t record[24];
    uint32_t origin = (uint32_t)(seed % 2);

    random_state = mix64(seed + 1) | 1;
    nw_start(3, seed % 16);
    nw_settle();
    nw_for(500000);
    token_no main = nw_job(origin);
    job = nw.node[origin].job;
    generation = job_generation(nw.node[origin].n, job);
    area = (uint32_t)NW_ASK(origin, CALL_MAP, main, MAP_MMAP, 0, AREA_PAGES * PAGE_BYTES, 3, 0) /
           PAGE_BYTES;
    for (uint32_t i = 0; i < 4; i++) {
        nw_call(origin, &(struct event_call){.op = CALL_CLONE, .token = main, .bytes = record,
                                             .size = sizeof(record)});
        assert_true(nw_wait(origin, main) > 0);
    }
    victim = (uint32_t)(seed % 3);
    acks = seed % 5 != 4;
    for (uint32_t i = 0; i < nw.nodes; i++) {
        nw.node[i].cut = i != victim;
    }
}

static void test_messages(void **state) {
    uint64_t seed = 0;

    (void)state;
    for (uint32_t said = 0; said < MESSAGES; seed++) {
        round_begin(seed);
        for (uint32_t i = 0; i < A_ROUND; i++, said++) {
            struct msg m;
            fill(&m);
            say(&m, (victim + 1 + dice(2)) % 3);
            threads_go_on();
            if (job_generation(nw.node[victim].n, job) == 0) {
                said++;
                break; /* they have ended the job: a new round */
            }
            if (dice(4) == 0) {
                nw_for(dice(2000));
            }
        }
        nw_end();
    }
    printf("%llu of %u messages reached a handler in %llu rounds\n", (unsigned long long)given,
           MESSAGES, (unsigned long long)seed);
    assert_true(given > MESSAGES / 2);
}

/* Any bytes behind the right CRC and, mostly, the right identity. */
static void test_bytes(void **state) {
    (void)state;
    round_begin(3);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t from = (victim + 1 + dice(2)) % 3;
        uint32_t size = (uint32_t)sizeof(struct datagram_head) + dice(dice(2) ? 200 : 1408);
        uint8_t *bytes = malloc(size);
        struct datagram_head *head = (void *)bytes;
        for (uint32_t k = 0; k < size; k++) {
            bytes[k] = (uint8_t)random_next(&random_state);
        }
        if (dice(8)) {
            const struct link_peer *p = link_peer_at(nw_links(victim), nw_seat(from));
            *head = nw.node[from].last;
            head->kind = (uint8_t)(1 + dice(KIND_DIRECT));
            head->sequence = p->want + dice(4);
            head->ack = p->base + dice(3);
            head->sack = dice(2) ? 0 : random_next(&random_state);
            head->tag = p->tag;
        }
        link_seal(bytes, size, NULL, 0);
        nw_datagram(victim, nw_mac(from), bytes, size);
        free(bytes);
        if (i % 64 == 0) {
            nw_for(dice(1000));
        }
    }
    assert_true(nw.node[victim].n->counters.bad_message > 1000);
    nw_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
