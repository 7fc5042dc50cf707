/* The loop of the node, entered from every trap out of ring 3 and from boot; see pump.h. One stack,
 * no other loop: a node that computes at 100 % still answers a page request within one interrupt,
 * with no thread switch. */
#include "kernel/pump.h"

#include "adapt/node.h"
#include "drivers/pit.h"
#include "kernel/console/commands_bench.h"
#include "kernel/console/console.h"
#include "kernel/console/job_console.h"
#include "kernel/console/launcher.h"
#include "kernel/effects.h"
#include "kernel/fault.h"
#include "kernel/irq.h"
#include "kernel/main.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/probe.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "kernel/version.h"
#include "mm/frame.h"
#include "net/link.h"
#include "net/nic.h"
#include "net/udp.h"

enum {
    PUMP_FRAMES = 64, /* frames at once: a page is 3, a window 32 */
    PUMP_ROUNDS = 4,  /* … and so often a turn: a flood does not starve timers and threads */
    PUMP_PEOPLE_US = 5000,
    PUMP_LOOKS = 200, /* about 30 us: three frames' way through a switch */
    PUMP_FRAMES_MAX = 65536, /* user frames: 256 MB of a job here; the tables cost 6 % of it */
};

/* A page's first and second part on the wire. */
#define PART_DATAGRAM_BYTES                                                                        \
    (sizeof(struct datagram_head) + sizeof(struct msg_head) + sizeof(struct body_dsm) +            \
     PAGE_PART_BYTES)

static struct node *node;
static struct effects effects; /* 330 KiB: bss, not the stack */
static bool started, stepping, rotate, more_to_send, deadline_stale;
static uint64_t deadline_us = TIME_NEVER, people_us;
static bool part_came; /* the last datagram was a page's first or second */
static struct pump_times times;

struct node *pump_node(void) {
    return node;
}

bool pump_is_started(void) {
    return started;
}

struct pump_times pump_times(void) {
    return times;
}

void pump_rotate(void) {
    rotate = true;
}

uint64_t pump_cluster_us(void) {
    return node_cluster_us(node, time_us());
}

void pump_event(struct event *ev) {
    PANIC_UNLESS(!stepping && node != NULL);
    stepping = true;
    times.events++;
    ev->now_us = time_us();
    probe(PROBE_STEP);
    node_step(node, ev, &effects);
    probe(PROBE_STEPPED);
    effects_perform(&effects);
    probe(PROBE_INSTALLED);
    deadline_stale = true;
    stepping = false;
}

/* Asked of the core once a turn, not once an event: a page is three events. */
static uint64_t core_deadline_us(void) {
    if (deadline_stale) {
        deadline_us = node_deadline_us(node);
        deadline_stale = false;
    }
    return deadline_us;
}

void pump_call(const struct event_call *call) {
    struct event ev = {.type = EV_CALL, .call = *call};

    pump_event(&ev);
}

void net_deliver(uint64_t from, const uint8_t *bytes, uint32_t size) {
    struct event ev = {.type = EV_DATAGRAM, .datagram = {from, bytes, size}};

    times.datagrams++;
    part_came = size == PART_DATAGRAM_BYTES;
    if (started && !bench_take_datagram(from, bytes, size)) {
        pump_event(&ev);
    }
}

/* ---- boot ----------------------------------------------------------------------------------- */

/* Tables and frames come out of the same RAM: the most frames whose tables still fit beside them,
 * the kernel's reserve (1/16 of RAM, 1 to 16 MB: page tables, see mm/frame.h) left alone. */
static struct limits limits_that_fit(void) {
    uint32_t total = frame_total_count(), reserve = total / 16;

    reserve = reserve < 256 ? 256 : reserve > 4096 ? 4096 : reserve;
    uint32_t room = frame_free_count() > reserve + 16 ? frame_free_count() - reserve - 16 : 0;
    uint32_t frames = room < PUMP_FRAMES_MAX ? room : PUMP_FRAMES_MAX;
    struct limits limits = limits_from_frames(frames);

    while (frames > 64 && frames + node_size(&limits) / FRAME_BYTES + 1 > room) {
        frames -= frames / 64;
        limits = limits_from_frames(frames);
    }
    return limits;
}

void pump_start(const struct boot_info *info) {
    struct limits limits = limits_that_fit();

    (void)info;
    node = node_init(pool_alloc_boot((uint32_t)node_size(&limits)), &limits);
    uint32_t frames = frame_user_reserve(limits.frames);
    if (frames != limits.frames) {
        panic_machine("only %u of %u user frames could be taken: this PC has too little RAM (16 MB "
                      "is the least), or mem= is too small",
                      (unsigned)frames, (unsigned)limits.frames);
    }
}

static void start_node(void) {
    static struct event_start start;
    uint64_t mac = net_mac();
    struct event ev = {.type = EV_START, .start = &start};

    start.nonce = time_jitter() ^ mix64(mac);
    start.mac = mac != 0 ? mac : 1; /* no NIC: a cluster of this node alone */
    start.build_id = version_build;
    start.wall_s = (uint32_t)time_boot_rtc_s();
    start.expect = (uint16_t)options_boot.expect;
    start.locator = options_boot.locator == OPTIONS_LOCATOR_STAT ? LOCATOR_STAT : LOCATOR_TREE;
    start.join_manual = options_boot.join == OPTIONS_JOIN_MANUAL;
    memcpy(start.name, options_boot.name, sizeof(start.name));
    memcpy(start.cluster, options_boot.cluster, sizeof(start.cluster));
    net_seed(start.nonce);
    times.start_us = time_us();
    started = true;
    pump_event(&ev);
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* Lines whose interrupts are the network's and the clock's: the others are people's. */
static bool is_for_people(uint32_t lines) {
    uint32_t quiet = 1u << PIT_IRQ;

    quiet |= nic_irq() >= 0 ? 1u << nic_irq() : 0;
    return (lines & ~quiet) != 0;
}

/* Consoles and launcher come when they interrupted, before the node sleeps, and every few
 * milliseconds; not between a page and the thread that waits for it. */
static void serve_people(uint32_t lines, uint64_t now) {
    if (thread_any_ready() && !more_to_send && !is_for_people(lines) && now < people_us) {
        return;
    }
    people_us = now + PUMP_PEOPLE_US;
    console_poll();
    job_console_poll();
    more_to_send = launcher_poll();
    net_flush();
}

/* Everything that came in or is due; then the alarm for what is due next. */
static void work(void) {
    uint32_t lines = irq_take_pending();

    for (uint32_t i = 0; i < PUMP_ROUNDS && net_pending(); i++) {
        net_poll(PUMP_FRAMES);
    }
    if (!started && (net_ready() || net_mac() == 0)) {
        start_node();
    }
    uint64_t now = time_us();
    if (started && core_deadline_us() <= now) {
        struct event ev = {.type = EV_TICK};
        pump_event(&ev);
    }
    net_timers(now);
    net_flush();
    serve_people(lines, now);
    uint64_t net = net_deadline_us();
    uint64_t core = started ? core_deadline_us() : TIME_NEVER;
    time_arm(core < net ? core : net);
}

/* The rest of a page follows its first part within microseconds, but its interrupt may not: a card
 * of this kind interrupts 7,813 times a second at most [E1000 13.4.18], QEMU's too, so the second
 * frame's would come 128 us after the first's. So the loop looks at the ring for a moment. */
static void await_part(void) {
    for (uint32_t i = 0; part_came && i < PUMP_LOOKS && !net_pending(); i++) {
        cpu_relax();
    }
    part_came = false;
}

static void idle(void) {
    uint64_t from = time_us();

    await_part();
    if (!net_pending() && !more_to_send) {
        probe(PROBE_SENT);
        cpu_halt(); /* an interrupt that came since work() wakes it at once */
        probe(PROBE_HEARD);
    }
    times.idle_us += time_us() - from;
}

static void tell_ran(struct thread *t) {
    struct event ev = {.type = EV_RAN, .ran = {t->token}};

    t->holds = 0;
    pump_event(&ev);
}

void pump_loop(void) {
    for (;;) {
        work();
        struct thread *t = thread_next(rotate);
        rotate = false;
        if (t == NULL) {
            idle();
            continue;
        }
        thread_current = t;
        if (t->doing != DOING_USER) {
            syscall_run(t);
            net_flush();
        } else if (t->fault_failed) {
            fault_deny(t);
        } else {
            probe(PROBE_RETURN);
            thread_enter(t);
        }
    }
}

void kernel_from_user(struct user_frame *frame) {
    struct thread *t = thread_current;

    PANIC_UNLESS(t != NULL && &t->frame == frame);
    times.user_us += thread_account(t, time_us());
    if (frame->vector == TRAP_IRQ) {
        t->ticks++;
        rotate = true;
    }
    if (t->holds && thread_has_run(t)) {
        tell_ran(t);
    }
    if (t->state != THREAD_READY) {
        cpu_restart_stack(pump_loop); /* the event ended it */
    }
    if (frame->vector == TRAP_SYSCALL) {
        syscall_begin(t);
    } else if (frame->vector < TRAP_EXCEPTIONS) {
        probe(PROBE_TRAP);
        fault_from_user(t);
        net_flush(); /* the request is on its way before anything else */
    }
    cpu_restart_stack(pump_loop);
}

/* The core's last lines, for a panic. */
void panic_print_trace(void) {
    char line[120];

    if (node == NULL) {
        return;
    }
    const struct trace_ring *ring = node_trace(node);
    uint64_t from = ring->count > 64 ? ring->count - 64 : 0;
    for (uint64_t i = from; i < ring->count; i++) {
        const struct trace_record *r = &ring->record[i % TRACE_RECORDS];
        trace_format(line, sizeof(line), node_self_id(node), r);
        print("%s\n", line);
    }
}
