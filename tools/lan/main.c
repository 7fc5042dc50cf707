/* main.c: the switch process: arguments, the epoll loop, the control socket, its own end.
 *
 *   lan-switch --control FD [--faults SPEC]     started by the launcher
 *   lan-switch --check SPEC                     judges a --lan option: exit 0, or 2 and why
 *
 * The control socket is a SOCK_SEQPACKET pair; each message is one command, each answer one line of
 * JSON: "port NAME" with a socket attached (SCM_RIGHTS) -> {"port":N}; "stats" -> the counters.
 * The process ends on EOF there, on SIGTERM and when its parent dies (prctl), whichever is first,
 * and prints the counters on stderr. Sources: epoll(7), timerfd_create(2), prctl(2). */
#define _GNU_SOURCE 1

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tools/lan/switch.h"

#define TAG_CONTROL (LAN_PORTS_MAX + 0u) /* data.u64 of the loop's own descriptors */
#define TAG_SIGNAL (LAN_PORTS_MAX + 1u)
#define TAG_TIMER (LAN_PORTS_MAX + 2u)
#define EVENTS_MAX 32
#define COMMAND_BYTES_MAX 128u

static struct lan_switch lan;
static int control_fd = -1;
static int timer_fd = -1;
static uint64_t timer_due_us; /* what the timer is set to; 0: off */

static uint64_t clock_us(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void timer_follow(void) {
    struct lan_frame *first = lan_held_first(&lan.held);
    uint64_t due_us = first == NULL ? 0 : first->due_us;
    struct itimerspec when = {0};

    if (due_us == timer_due_us) {
        return;
    }
    timer_due_us = due_us;
    when.it_value.tv_sec = (time_t)(due_us / 1000000u);
    when.it_value.tv_nsec = (long)(due_us % 1000000u) * 1000;
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void timer_take(void) {
    uint64_t expirations;

    if (read(timer_fd, &expirations, sizeof(expirations)) > 0) {
        timer_due_us = 0;
    }
}

static void answer(const char *text) {
    if (send(control_fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
        fprintf(stderr, "lan-switch: the launcher takes no answer: %s\n", strerror(errno));
    }
}

static void command_port(const char *name, int fd) {
    char text[64];
    int number;

    if (fd < 0) {
        answer("{\"error\":\"port: no socket came with it\"}");
        return;
    }
    number = lan_port_open(&lan, name, fd);
    if (number < 0) {
        close(fd);
        answer("{\"error\":\"port: all ports are in use\"}");
        return;
    }
    snprintf(text, sizeof(text), "{\"port\":%d}", number);
    answer(text);
}

static void command_take(const char *command, int fd) {
    static char stats[LAN_STATS_BYTES];

    if (strncmp(command, "port ", 5) == 0) {
        command_port(command + 5, fd);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (strcmp(command, "stats") == 0) {
        lan_stats_print(&lan, stats, sizeof(stats));
        answer(stats);
        return;
    }
    answer("{\"error\":\"unknown command; known: port NAME, stats\"}");
}

/* One command with at most one descriptor. Returns 0 at the end of the control socket. */
static int control_take(void) {
    char command[COMMAND_BYTES_MAX + 1];
    char space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = command, .iov_len = COMMAND_BYTES_MAX};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *attached;
    ssize_t count;
    int fd = -1;

    head.msg_control = space;
    head.msg_controllen = sizeof(space);
    count = recvmsg(control_fd, &head, MSG_CMSG_CLOEXEC);
    if (count <= 0) {
        return count < 0 && errno == EINTR;
    }
    attached = CMSG_FIRSTHDR(&head);
    if (attached != NULL && attached->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(attached), sizeof(fd));
    }
    command[count] = '\0';
    command_take(command, fd);
    return 1;
}

static void watch(int fd, uint64_t tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

    if (epoll_ctl(lan.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("lan-switch: epoll_ctl");
        exit(1);
    }
}

/* Returns 0 when the switch shall end. */
static int event_take(const struct epoll_event *event) {
    uint64_t tag = event->data.u64;

    if (tag == TAG_SIGNAL) {
        return 0;
    }
    if (tag == TAG_CONTROL) {
        return control_take();
    }
    if (tag == TAG_TIMER) {
        timer_take();
        return 1;
    }
    if ((event->events & EPOLLOUT) != 0) {
        lan_port_flush(&lan, (uint32_t)tag);
    }
    if ((event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && lan.ports[tag].fd >= 0) {
        lan_port_receive(&lan, (uint32_t)tag);
    }
    return 1;
}

static void loop(void) {
    struct epoll_event events[EVENTS_MAX];
    int is_running = 1;

    while (is_running) {
        int count = epoll_wait(lan.epoll_fd, events, EVENTS_MAX, -1);

        lan.now_us = lan.is_clean ? 0 : clock_us();
        for (int i = 0; i < count && is_running; i++) {
            is_running = event_take(&events[i]);
        }
        if (!lan.is_clean) {
            lan_held_release(&lan);
            timer_follow();
        }
    }
}

/* The parent may have died before prctl: then EOF on the control socket ends us. */
static int signals_open(void) {
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1000); /* ns: a held frame is sent when it is due */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int usage(void) {
    fprintf(stderr, "usage: lan-switch --control FD [--faults SPEC] | lan-switch --check SPEC\n");
    return 2;
}

static int arguments_take(int argc, char **argv, struct lan_faults *faults) {
    char why[512];
    const char *spec = "";

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--control") == 0) {
            control_fd = atoi(argv[i + 1]);
        } else if (strcmp(argv[i], "--faults") == 0 || strcmp(argv[i], "--check") == 0) {
            spec = argv[i + 1];
        } else {
            return usage();
        }
    }
    if (lan_faults_parse(faults, spec, why, sizeof(why)) != 0) {
        fprintf(stderr, "%s\n", why);
        return 2;
    }
    return argc % 2 == 1 && argc > 1 ? 0 : usage();
}

int main(int argc, char **argv) {
    static char stats[LAN_STATS_BYTES];
    struct lan_faults faults;
    int status = arguments_take(argc, argv, &faults);
    int epoll_fd;
    int signal_fd;

    if (status != 0 || control_fd < 0) {
        return status;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    signal_fd = signals_open();
    if (epoll_fd < 0 || timer_fd < 0 || signal_fd < 0 ||
        lan_switch_init(&lan, epoll_fd, &faults) != 0) {
        perror("lan-switch: cannot start");
        return 1;
    }
    watch(control_fd, TAG_CONTROL);
    watch(signal_fd, TAG_SIGNAL);
    watch(timer_fd, TAG_TIMER);
    loop();
    lan_stats_print(&lan, stats, sizeof(stats));
    fprintf(stderr, "%s\n", stats);
    return 0;
}
