/* Every bound of the pure core, with its arithmetic. The ones that depend on RAM are in
 * struct limits, which the world fills (limits_from_frames) before node_size(). */
#pragma once

#include "adapt/base.h"

enum {
    MEMBERS_MAX = 16,       /* one cell of the locator [P 7.20]; more come with the whole tree */
    SEATS_MAX = 256,        /* bits of a copy set [D 4]: 32 bytes an entry */
    SLOTS = 256,            /* slots of a cell, indexed by one byte of the mixed key [P 7.20] */
    JOBS_MAX = 8,           /* programs running at once in the cluster */
    AREAS_MAX = 512,        /* areas of one job's map; 512 x 16 B = 8 KiB a job */
    FILES_MAX = 64,         /* open files of one job */
    HOLD_MAX = 16,          /* pages that one call may need at once [D 3] */
    NAME_BYTES = 16,        /* a node's or a cluster's name with its final zero */
    RECORD_BYTES_MAX = 896, /* a thread's portable registers: 108 FNSAVE + 512 FXSAVE + integer
                               registers and bookkeeping 80, rounded up [D 3] */
    PAGES = 1 << 20,        /* of an address space: 4 GB / PAGE_BYTES */
    CALL_BYTES_MAX = 1024,  /* bytes that one call or wake carries (write, read, path, record) */

    FILE_GET_MAX = 16384,   /* bytes of a file asked for at once: 16 long messages, a half of one
                               link's window */

    DATAGRAM_BYTES_MAX = 1452,  /* 1500 - 40 (IPv6) - 8 (UDP) [D 6] */
    DATAGRAM_HEAD_MAX = 80,     /* all headers together, so that a page is 3 datagrams [D 4] */
    PAGE_PARTS = 3,
    PAGE_PART_BYTES = 1368,     /* 3 x 1368 = 4104 >= 4096; 1368 + 80 <= 1452 */

    TRACE_RECORDS = 256,    /* last trace lines kept by a node: 256 x 32 B = 8 KiB */
    EFFECTS_MAX = 1024,     /* effects of one node_step; asserted */
};
_Static_assert(PAGE_PARTS * PAGE_PART_BYTES >= PAGE_BYTES, "a page is three parts");
_Static_assert(PAGE_PART_BYTES + DATAGRAM_HEAD_MAX <= DATAGRAM_BYTES_MAX, "a part fits the MTU");

/* Times of the protocol, in microseconds. */
enum {
    HELLO_LISTEN_US = 500000,  /* silence before a node founds alone [D 6] */
    HELLO_PERIOD_US = 1000000, /* once a second until joined [D 6] */
    HELLO_MEMBER_US = 5000000, /* then the proposer only [D 6] */
    HOLD_MIN_US = 500,         /* [P 8.3] random 0.5 … 4 ms, doubled with each failure */
    HOLD_MAX_US = 4000,
};

/* Sizes of one node's tables; rows, not bytes. */
struct limits {
    uint32_t frames;       /* user frames = rows of the page table of the DSM */
    uint32_t entries;      /* directory entries of pages that this node can manage */
    uint32_t threads;      /* threads that this node can host = tokens */
    uint32_t waiters;      /* waiting requests and threads in this node's directory entries */
    uint32_t link_small;   /* outgoing messages of <= LINK_SMALL_BYTES, over all peers */
    uint32_t link_big;     /* outgoing messages and early datagrams of <= 1452 bytes */
};

/* The tables of a node that has so many user frames: entries 2 x frames (a fair share of a cluster
 * whose nodes are alike, twice), the rest constant. 16 MB of RAM: ~2,500 frames, ~1 MiB of
 * tables. */
static inline struct limits limits_from_frames(uint32_t frames) {
    return (struct limits){
        .frames = frames,
        .entries = 2 * frames,
        .threads = 128,
        .waiters = 1024,
        .link_small = 2048,
        .link_big = 192,
    };
}
