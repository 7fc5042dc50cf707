/* `bench`: echoes between two nodes' cards, the cost of locate(), the stages of a fault.
 *
 * An echo is a loop of its own around the card: send, sleep until the interrupt, look. It runs
 * inside the command, on both nodes (`bench serve` there, `bench echo` here); other
 * frames take their usual way meanwhile, but no timer runs and no program, so it is bounded: a node
 * that serves stops when nothing was asked for SERVE_QUIET_US, and after SERVE_MAX_US in any case.
 */
#include "kernel/console/commands_bench.h"

#include <stddef.h>
#include <string.h>

#include "adapt/node.h"
#include "kernel/console/arguments.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_core.h"
#include "kernel/cpu.h"
#include "kernel/probe.h"
#include "kernel/pump.h"
#include "kernel/time.h"
#include "net/heads.h"
#include "net/raw.h"
#include "net/udp.h"

enum {
    ECHO_ASK = 1,
    ECHO_ANSWER = 2,
    ECHO_STOP = 3,
    ECHOES_MAX = 1024, /* of one kind */
    ECHO_LOST_US = 20000,
    SERVE_QUIET_US = 1000000, /* the asker's command has to come through first */
    SERVE_MAX_US = 20000000,
    GAP_MAX_US = 10000,
    LOCATES = 10000,
};
/* First bytes of a bench datagram: "lBen". */
#define ECHO_MAGIC 0x6E65426Cu

enum way { WAY_RAW, WAY_UDP };

struct echo {
    uint32_t magic;
    uint8_t kind, parts;
    uint16_t pad;
    uint32_t sequence;
};

static bool active;
static uint8_t page[FRAME_BYTES] __attribute__((aligned(4096)));
static uint32_t sequence, got; /* of the echo under way */
static bool served, stopped;

/* ---- both ends ------------------------------------------------------------------------------- */

static void send_raw(uint64_t to, uint8_t kind, uint8_t parts, uint32_t number, uint32_t bytes) {
    struct raw_head head = {.kind = kind, .parts = parts, .sequence = number};

    (void)raw_send(to, &head, (paddr_t)((uint32_t)page - KERNEL_BASE), bytes);
}

static void send_udp(uint64_t to, uint8_t kind, uint8_t parts, uint32_t number, uint32_t bytes) {
    struct echo echo = {.magic = ECHO_MAGIC, .kind = kind, .parts = parts, .sequence = number};

    net_send_ref(to, &echo, sizeof(echo), (paddr_t)((uint32_t)page - KERNEL_BASE),
                 bytes != 0 ? bytes : 4);
}

static void send_one(enum way way, uint64_t to, uint8_t kind, uint8_t parts, uint32_t number) {
    uint32_t bytes = kind == ECHO_ANSWER && parts > 1 ? FRAME_BYTES / parts : 0;

    for (uint32_t i = 0; i < (kind == ECHO_ANSWER ? parts : 1u); i++) {
        (way == WAY_RAW ? send_raw : send_udp)(to, kind, parts, number, bytes);
    }
}

static void take(enum way way, uint64_t from, const struct echo *e) {
    if (e->kind == ECHO_ASK && e->parts >= 1 && e->parts <= 3) {
        served = true;
        send_one(way, from, ECHO_ANSWER, e->parts, e->sequence);
        raw_flush();
    } else if (e->kind == ECHO_ANSWER && e->sequence == sequence) {
        got++;
    } else if (e->kind == ECHO_STOP) {
        stopped = true;
    }
}

static void take_raw(const struct raw_head *head, uint32_t bytes) {
    struct echo e = {.kind = head->kind, .parts = head->parts, .sequence = head->sequence};

    (void)bytes;
    take(WAY_RAW, heads_mac_number(head->from), &e);
}

bool bench_take_datagram(uint64_t from, const uint8_t *bytes, uint32_t size) {
    struct echo e;

    if (!active || size < sizeof(e)) {
        return false;
    }
    memcpy(&e, bytes, sizeof(e));
    if (e.magic != ECHO_MAGIC) {
        return false;
    }
    take(WAY_UDP, from, &e);
    return true;
}

static void begin(void) {
    active = true;
    raw_listen(take_raw);
}

static void end(void) {
    active = false;
    raw_listen(NULL);
}

static void sleep_until(uint64_t at_us) {
    if (!raw_pending()) {
        time_arm(at_us);
        cpu_halt();
    }
    raw_poll();
}

/* ---- serve ----------------------------------------------------------------------------------- */

static int serve(struct print_sink *out) {
    uint64_t from = time_us(), quiet = from + SERVE_QUIET_US;
    uint32_t count = 0;

    begin();
    stopped = false;
    while (!stopped && time_us() < quiet && time_us() < from + SERVE_MAX_US) {
        served = false;
        sleep_until(quiet);
        if (served) {
            count++;
            quiet = time_us() + SERVE_QUIET_US;
        }
    }
    end();
    print_to(out, "served %u\n", (unsigned)count);
    return 0;
}

/* ---- ask ------------------------------------------------------------------------------------- */

/* One echo: its time in ticks, 0 when it was lost. */
static uint32_t echo_once(enum way way, uint64_t to, uint8_t parts) {
    uint64_t lost_us = time_us() + ECHO_LOST_US, start = cpu_tsc();

    sequence++;
    got = 0;
    send_one(way, to, ECHO_ASK, parts, sequence);
    raw_flush();
    while (got < parts) {
        sleep_until(lost_us);
        if (got < parts && time_us() > lost_us) {
            return 0;
        }
    }
    return (uint32_t)(cpu_tsc() - start);
}

/* The echoes in turns, so that what else the host does falls on all alike. */
static const struct {
    const char *name;
    enum way way;
    uint8_t parts;
} echoes[] = {{"raw_64", WAY_RAW, 1}, {"raw_4k", WAY_RAW, PAGE_PARTS}, {"udp_4k", WAY_UDP, 3}};
enum { ECHOES = sizeof(echoes) / sizeof(echoes[0]) };
static uint32_t ticks[ECHOES][ECHOES_MAX];


static void pause_us(uint32_t us) {
    uint64_t end_us = time_us() + us;

    do {
        raw_poll();
    } while (time_us() < end_us);
}

static void print_ticks(struct print_sink *out, const char *name, const uint32_t *list) {
    print_to(out, "us %s", name);
    for (uint32_t i = 0; list[i] != 0; i++) {
        uint32_t tenths = (uint32_t)((uint64_t)list[i] * 10000000u / time_tsc_hz());
        print_to(out, " %u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    }
    print_to(out, "\n");
}

static int ask(struct print_sink *out, uint64_t to, uint32_t count, uint32_t gap_us) {
    uint32_t good[ECHOES] = {0};

    memset(ticks, 0, sizeof(ticks));
    begin();
    for (uint32_t i = 0; i < count * ECHOES; i++) {
        uint32_t e = i % ECHOES;
        pause_us(gap_us);
        uint32_t spent = echo_once(echoes[e].way, to, echoes[e].parts);
        ticks[e][good[e]] = spent;
        good[e] += spent != 0;
    }
    send_one(WAY_RAW, to, ECHO_STOP, 1, 0);
    raw_flush();
    end();
    for (uint32_t e = 0; e < ECHOES; e++) {
        print_ticks(out, echoes[e].name, ticks[e]);
    }
    return good[0] != 0 ? 0 : 1;
}

static int ask_words(int argc, char **argv, struct print_sink *out) {
    struct node *n = command_node(out);
    uint32_t count, gap_us = 0;

    if (argc < 4 || argc > 5 || !argument_small(argv[3], ECHOES_MAX - 1, &count) ||
        (argc == 5 && !argument_small(argv[4], GAP_MAX_US, &gap_us))) {
        return COMMAND_USAGE;
    }
    if (n == NULL) {
        return 1;
    }
    if (time_tsc_hz() == 0) {
        print_to(out, "bench needs a processor with a time stamp counter\n");
        return 1;
    }
    for (uint32_t i = 0; i < n->member.view.count; i++) {
        const struct view_member *m = &n->member.view.member[i];
        if (strcmp(m->name, argv[2]) == 0) {
            return ask(out, m->mac, count, gap_us);
        }
    }
    return command_wrong(out, argv[2], "is no member (`nodes`)");
}

/* ---- alone ----------------------------------------------------------------------------------- */

/* Ticks of a loop over keys, with or without asking who manages them. Not inlined, so that both
 * have the same loop. */
static uint64_t __attribute__((noinline)) locate_many(const struct view *v, bool really) {
    volatile uint32_t seat = 0;
    uint64_t from = cpu_tsc();

    for (uint32_t i = 0; i < LOCATES; i++) {
        uint64_t key = key_make(SERVICE_DSM, 1, i);
        seat = really ? locate(v, key) : (uint32_t)key;
    }
    (void)seat;
    return cpu_tsc() - from;
}

/* With QEMU's -icount shift=0 a tick is an instruction. */
static int locate_cost(struct print_sink *out) {
    struct node *n = command_node(out);

    if (n == NULL || !cpu_features.tsc) {
        return 1;
    }
    uint64_t empty = locate_many(&n->member.view, false);
    uint64_t spent = locate_many(&n->member.view, true);
    print_to(out, "locate ticks %u hz %llu\n",
             (unsigned)(spent > empty ? (spent - empty) / LOCATES : 0),
             (unsigned long long)time_tsc_hz());
    return 0;
}

static int probe_words(int argc, char **argv, struct print_sink *out) {
    if (argc == 3 && strcmp(argv[2], "on") == 0) {
        probe_start();
        return 0;
    }
    probe_stop();
    struct probe_result r = probe_result();
    print_to(out,
             "probe hz %llu faults %u trap %u core %u send %u away %u install %u return %u "
             "serves %u serve %u\n",
             (unsigned long long)time_tsc_hz(), (unsigned)r.faults, (unsigned)r.trap,
             (unsigned)r.core, (unsigned)r.send, (unsigned)r.away, (unsigned)r.install,
             (unsigned)r.back, (unsigned)r.serves, (unsigned)r.serve);
    return 0;
}

int command_bench(int argc, char **argv, struct print_sink *out) {
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        return serve(out);
    }
    if (argc >= 2 && strcmp(argv[1], "echo") == 0) {
        return ask_words(argc, argv, out);
    }
    if (argc == 2 && strcmp(argv[1], "locate") == 0) {
        return locate_cost(out);
    }
    if (argc >= 2 && strcmp(argv[1], "probe") == 0 && cpu_features.tsc) {
        return probe_words(argc, argv, out);
    }
    return COMMAND_USAGE;
}
