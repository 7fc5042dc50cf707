/* switch.h: the learning switch of the virtual LAN: ports, addresses, forwarding, counters.
 *
 * One port per VM: our end of a unix datagram socket pair whose other end is QEMU's
 * `-netdev dgram,local.type=fd`. Single-threaded; main.c owns the loop and the clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/lan/faults.h"
#include "tools/lan/held.h"

#define LAN_PORTS_MAX 64u           /* VMs on one host; also the size of the fault counters */
#define LAN_NAME_BYTES 32u
#define LAN_MACS_MAX 1024u          /* power of two; 16 addresses per port */
#define LAN_FRAME_BYTES_MIN 14u     /* two addresses and the type   [IEEE 802.3 3.1.1] */
#define LAN_FRAME_BYTES_MAX 16384u  /* the e1000's largest frame is 16288 [E1000 13.4.22] */
#define LAN_BATCH_FRAMES 32u        /* one recvmmsg: a burst of ten pages */
#define LAN_SOCKET_BYTES 4194304    /* asked; the system's wmem_max may give less */
#define LAN_STATS_BYTES 32768u      /* 64 ports x 400 bytes of JSON, and the head */

struct lan_port {
    char name[LAN_NAME_BYTES];
    int fd;                /* -1: the VM is gone */
    bool is_waiting;       /* EPOLLOUT is asked for */
    struct lan_queue queue;
    uint64_t in_frames;    /* from the VM */
    uint64_t in_bytes;
    uint64_t out_frames;   /* to the VM */
    uint64_t out_bytes;
    uint64_t waited_frames; /* found the socket full and were queued */
    uint64_t overflow_frames; /* dropped: queue full */
    uint64_t bad_frames;   /* dropped: shorter or longer than a frame can be */
    uint64_t lost_frames;  /* asked faults, on the way to this port */
    uint64_t doubled_frames;
    uint64_t late_frames;
    uint64_t corrupt_frames;
    uint32_t queue_frames_peak;
    uint64_t numbers[LAN_PORTS_MAX]; /* frames judged so far, by port they came from */
};

struct lan_mac {
    uint64_t address; /* 48 bits; 0: empty */
    uint32_t port;
};

struct lan_switch {
    int epoll_fd;     /* a port's events carry its number in data.u64 */
    uint64_t now_us;  /* written by the loop before each call */
    bool is_clean;    /* no faults asked: nothing is rolled, nothing is held */
    struct lan_faults faults;
    struct lan_held held;
    uint32_t ports_count; /* used slots, gone ones included */
    struct lan_port ports[LAN_PORTS_MAX];
    struct lan_mac macs[LAN_MACS_MAX];
};

/* 0, or -1 when memory is out. */
int lan_switch_init(struct lan_switch *lan, int epoll_fd, const struct lan_faults *faults);

/* Take over fd as a port; a gone port of that name is used again.
 *   out   the port's number, or -1: LAN_PORTS_MAX are in use */
int lan_port_open(struct lan_switch *lan, const char *name, int fd);

/* Frames wait in the port's socket: forward up to LAN_BATCH_FRAMES. */
void lan_port_receive(struct lan_switch *lan, uint32_t number);

/* The port's socket has room: send what is queued. */
void lan_port_flush(struct lan_switch *lan, uint32_t number);

/* Send every held frame that is due at lan->now_us. */
void lan_held_release(struct lan_switch *lan);

/* One JSON object on one line, NUL-terminated; returns its length. */
size_t lan_stats_print(const struct lan_switch *lan, char *text, size_t text_bytes);
