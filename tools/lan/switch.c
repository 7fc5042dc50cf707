/* switch.c: forwards frames between the VMs' sockets; learns addresses; obeys the faults.
 *
 * Run by main.c's loop. Must never drop a frame unasked: a full socket makes the frame wait in
 * the port's queue. The two exceptions are counted: a queue of LAN_QUEUE_FRAMES_MAX (a VM that has
 * stopped reading) and frames of impossible length.
 * Sources: [IEEE 802.1D 7] learning and forwarding; unix(7), recvmmsg(2). */
#define _GNU_SOURCE 1

#include "tools/lan/switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t batch_bytes[LAN_BATCH_FRAMES][LAN_FRAME_BYTES_MAX + 1];

int lan_switch_init(struct lan_switch *lan, int epoll_fd, const struct lan_faults *faults) {
    memset(lan, 0, sizeof(*lan));
    lan->epoll_fd = epoll_fd;
    lan->faults = *faults;
    lan->is_clean = lan_faults_is_clean(faults);
    return lan_held_init(&lan->held);
}

static void port_watch(struct lan_switch *lan, uint32_t number, int operation) {
    struct lan_port *port = &lan->ports[number];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};

    if (port->is_waiting) {
        event.events |= EPOLLOUT;
    }
    epoll_ctl(lan->epoll_fd, operation, port->fd, &event);
}

/* A slot for name: its old one, else a fresh one, else any gone one. */
static struct lan_port *port_slot(struct lan_switch *lan, const char *name) {
    struct lan_port *gone = NULL;

    for (uint32_t i = 0; i < lan->ports_count; i++) {
        if (lan->ports[i].fd < 0 && strcmp(lan->ports[i].name, name) == 0) {
            return &lan->ports[i];
        }
        gone = lan->ports[i].fd < 0 ? &lan->ports[i] : gone;
    }
    if (lan->ports_count < LAN_PORTS_MAX) {
        return &lan->ports[lan->ports_count++];
    }
    return gone;
}

int lan_port_open(struct lan_switch *lan, const char *name, int fd) {
    struct lan_port *port = port_slot(lan, name);
    int bytes = LAN_SOCKET_BYTES;

    if (port == NULL) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    memset(port, 0, sizeof(*port));
    snprintf(port->name, sizeof(port->name), "%s", name);
    port->fd = fd;
    lan_queue_init(&port->queue);
    port_watch(lan, (uint32_t)(port - lan->ports), EPOLL_CTL_ADD);
    return (int)(port - lan->ports);
}

/* The VM is gone: its queue and its addresses go too; the counters stay for the report. */
static void port_close(struct lan_switch *lan, uint32_t number) {
    struct lan_port *port = &lan->ports[number];

    close(port->fd);
    port->fd = -1;
    port->is_waiting = false;
    while (port->queue.first != NULL) {
        lan_queue_drop_first(&port->queue);
    }
    for (uint32_t i = 0; i < LAN_MACS_MAX; i++) {
        if (lan->macs[i].port == number) {
            lan->macs[i].address = 0;
        }
    }
}

/* 1 sent, 0 the socket is full, -1 the VM is gone (the port is closed then). */
static int port_try(struct lan_switch *lan, uint32_t number, const uint8_t *bytes, uint32_t count) {
    struct lan_port *port = &lan->ports[number];
    ssize_t sent;

    do {
        sent = send(port->fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        port->out_frames++;
        port->out_bytes += count;
        return 1;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
        return 0;
    }
    port_close(lan, number);
    return -1;
}

static void port_queue(struct lan_switch *lan, uint32_t number, const uint8_t *bytes,
                       uint32_t count) {
    struct lan_port *port = &lan->ports[number];
    struct lan_frame *frame = NULL;

    if (port->queue.frames_count < LAN_QUEUE_FRAMES_MAX) {
        frame = lan_frame_copy(bytes, count, number);
    }
    if (frame == NULL) {
        port->overflow_frames++;
        return;
    }
    port->waited_frames++;
    lan_queue_put(&port->queue, frame);
    if (port->queue.frames_count > port->queue_frames_peak) {
        port->queue_frames_peak = port->queue.frames_count;
    }
    if (!port->is_waiting) {
        port->is_waiting = true;
        port_watch(lan, number, EPOLL_CTL_MOD);
    }
}

static void port_send(struct lan_switch *lan, uint32_t number, const uint8_t *bytes,
                      uint32_t count) {
    struct lan_port *port = &lan->ports[number];

    if (port->fd < 0) {
        return;
    }
    if (port->queue.first != NULL || port_try(lan, number, bytes, count) == 0) {
        port_queue(lan, number, bytes, count);
    }
}

void lan_port_flush(struct lan_switch *lan, uint32_t number) {
    struct lan_port *port = &lan->ports[number];
    struct lan_frame *frame;

    while (port->fd >= 0 && (frame = port->queue.first) != NULL) {
        if (port_try(lan, number, frame->bytes, frame->frame_bytes) != 1) {
            return;
        }
        lan_queue_drop_first(&port->queue);
    }
    if (port->fd >= 0 && port->is_waiting) {
        port->is_waiting = false;
        port_watch(lan, number, EPOLL_CTL_MOD);
    }
}

/* Hold a copy for hold_us; 0 = now. A full heap sends at once: less late beats lost. */
static void frame_hold(struct lan_switch *lan, uint32_t out, const uint8_t *bytes, uint32_t count,
                       uint32_t hold_us) {
    struct lan_frame *frame = NULL;

    if (hold_us != 0) {
        frame = lan_frame_copy(bytes, count, out);
    }
    if (frame != NULL) {
        frame->due_us = lan->now_us + hold_us;
        if (lan_held_put(&lan->held, frame) == 0) {
            return;
        }
        free(frame);
    }
    port_send(lan, out, bytes, count);
}

static void frame_deliver(struct lan_switch *lan, uint32_t in, uint32_t out, const uint8_t *bytes,
                          uint32_t count) {
    static uint8_t bent[LAN_FRAME_BYTES_MAX];
    struct lan_port *port = &lan->ports[out];
    struct lan_verdict verdict;

    if (lan->is_clean) {
        port_send(lan, out, bytes, count);
        return;
    }
    verdict = lan_faults_judge(&lan->faults, in, out, port->numbers[in]++);
    if (verdict.is_lost) {
        port->lost_frames++;
        return;
    }
    if (verdict.is_doubled) { /* the second copy is whole, as if it were sent again */
        port->doubled_frames++;
        frame_hold(lan, out, bytes, count, verdict.copy_hold_us);
    }
    if (verdict.corrupt_bits != 0) {
        port->corrupt_frames++;
        memcpy(bent, bytes, count);
        lan_faults_corrupt(&verdict, bent, count);
        bytes = bent;
    }
    port->late_frames += verdict.is_late ? 1u : 0u;
    frame_hold(lan, out, bytes, count, verdict.hold_us);
}

void lan_held_release(struct lan_switch *lan) {
    struct lan_frame *frame = lan_held_first(&lan->held);

    while (frame != NULL && frame->due_us <= lan->now_us) {
        lan_held_take(&lan->held);
        port_send(lan, frame->port, frame->bytes, frame->frame_bytes);
        free(frame);
        frame = lan_held_first(&lan->held);
    }
}

static uint64_t mac_read(const uint8_t *at) {
    return (uint64_t)at[0] << 40 | (uint64_t)at[1] << 32 | (uint64_t)at[2] << 24 |
           (uint64_t)at[3] << 16 | (uint64_t)at[4] << 8 | at[5];
}

static bool mac_is_group(uint64_t address) {
    return (address >> 40 & 1u) != 0;
}

/* Direct-mapped: two addresses on one place throw each other out, and the frame is flooded. */
static struct lan_mac *mac_place(struct lan_switch *lan, uint64_t address) {
    uint64_t hash = address * 0x9E3779B97F4A7C15u;

    return &lan->macs[hash >> 54 & (LAN_MACS_MAX - 1u)];
}

static void frame_forward(struct lan_switch *lan, uint32_t in, const uint8_t *bytes,
                          uint32_t count) {
    uint64_t to = mac_read(bytes);
    uint64_t from = mac_read(bytes + 6);
    struct lan_mac *known = mac_place(lan, to);
    struct lan_mac *mine = mac_place(lan, from);

    if (!mac_is_group(from) && from != 0) {
        mine->address = from;
        mine->port = in;
    }
    if (!mac_is_group(to) && to != 0 && known->address == to) {
        if (known->port != in) {
            frame_deliver(lan, in, known->port, bytes, count);
        }
        return;
    }
    for (uint32_t out = 0; out < lan->ports_count; out++) {
        if (out != in && lan->ports[out].fd >= 0) {
            frame_deliver(lan, in, out, bytes, count);
        }
    }
}

void lan_port_receive(struct lan_switch *lan, uint32_t number) {
    struct lan_port *port = &lan->ports[number];
    struct iovec parts[LAN_BATCH_FRAMES];
    struct mmsghdr heads[LAN_BATCH_FRAMES];
    int count;

    memset(heads, 0, sizeof(heads));
    for (uint32_t i = 0; i < LAN_BATCH_FRAMES; i++) {
        parts[i].iov_base = batch_bytes[i];
        parts[i].iov_len = sizeof(batch_bytes[i]);
        heads[i].msg_hdr.msg_iov = &parts[i];
        heads[i].msg_hdr.msg_iovlen = 1;
    }
    count = recvmmsg(port->fd, heads, LAN_BATCH_FRAMES, MSG_DONTWAIT, NULL);
    if (count < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
            port_close(lan, number);
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        uint32_t bytes = heads[i].msg_len;

        port->in_frames++;
        port->in_bytes += bytes;
        if (bytes < LAN_FRAME_BYTES_MIN || bytes > LAN_FRAME_BYTES_MAX) {
            port->bad_frames++;
            continue;
        }
        frame_forward(lan, number, batch_bytes[i], bytes);
    }
}

static size_t port_print(const struct lan_port *port, char *text, size_t text_bytes) {
    int count = snprintf(
        text, text_bytes,
        "{\"name\":\"%s\",\"up\":%s,\"in_frames\":%llu,\"in_bytes\":%llu,\"out_frames\":%llu,"
        "\"out_bytes\":%llu,\"waited\":%llu,\"queue_peak\":%u,\"queued\":%u,\"overflow\":%llu,"
        "\"bad\":%llu,\"lost\":%llu,\"doubled\":%llu,\"late\":%llu,\"corrupted\":%llu}",
        port->name, port->fd >= 0 ? "true" : "false", (unsigned long long)port->in_frames,
        (unsigned long long)port->in_bytes, (unsigned long long)port->out_frames,
        (unsigned long long)port->out_bytes, (unsigned long long)port->waited_frames,
        port->queue_frames_peak, port->queue.frames_count,
        (unsigned long long)port->overflow_frames, (unsigned long long)port->bad_frames,
        (unsigned long long)port->lost_frames, (unsigned long long)port->doubled_frames,
        (unsigned long long)port->late_frames, (unsigned long long)port->corrupt_frames);

    return count < 0 || (size_t)count >= text_bytes ? 0 : (size_t)count;
}

size_t lan_stats_print(const struct lan_switch *lan, char *text, size_t text_bytes) {
    int head = snprintf(text, text_bytes, "{\"held\":%u,\"ports\":[", lan->held.frames_count);
    size_t at = (size_t)head;

    for (uint32_t i = 0; i < lan->ports_count; i++) {
        if (i != 0) {
            text[at++] = ',';
        }
        at += port_print(&lan->ports[i], text + at, text_bytes - at - 4);
    }
    at += (size_t)snprintf(text + at, text_bytes - at, "]}");
    return at;
}
