/* Distributed shared memory: what other services may ask of it, and its specification [P 8].
 *
 * Sequential consistency by single writer / multiple readers. A page has one manager (by the
 * locator), at most one owner, and read copies. Three roles, three files: dsm_requester.c asks,
 * dsm_manager.c orders the transactions of a page one at a time, dsm_owner.c gives pages away and
 * drops copies. dsm_page.c is the only writer of a page's state on its node (dsm_page_set).
 *
 *   read:   requester -READ_REQ-> manager -FETCH-> owner -PAGE x 3-> requester -DONE-> manager
 *   write:  requester -WRITE_REQ-> manager -FETCH-> owner -PAGE x 3-> requester -DONE-> manager
 *                                      \-INVALIDATE-> each copy -INV_ACK-> requester
 *   rights: the requester has a valid copy: GRANT from the manager in place of FETCH and PAGE
 *   zero:   nobody ever wrote the page: GRANT with DSM_ZERO, for reading too (the first is the
 *   owner)
 *
 *   publish: owner -PUBLISH-> manager -PUBLISH_OK-> owner -PAGE x 3-> every member without a copy,
 *            unasked; all acked: owner -DONE-> manager (dsm_publish.c)
 *
 * State of a page on one node, and what each event does to it. The table is data in dsm_page.c
 * (dsm_rule), the handlers obey it, and tests/unit/test_dsm_table.c walks all of it.
 *
 *  event \ state  FREE     WAIT_R   WAIT_W   READ     READ_WAIT  OWNED      OWNED_WAIT  WRITE
 *  read fault     ask >WR  queue    queue    serve    serve      serve      serve       serve
 *  write fault    ask >WW  queue    queue    ask >RW  queue      ask >OW    queue       serve
 *  page, read     stray    >READ    stray    stray    stray      stray      stray       stray
 *  page, write    stray    >WRITE*  >WRITE   stray    stray      stray      stray       stray
 *  grant zero     stray    >WRITE   >WRITE   stray    stray      stray      stray       stray
 *  grant rights   stray    stray    stray    stray    >WRITE     stray      >WRITE      stray
 *  invalidate     ack      ack      ack      ack >F   ack >WW    ack >F     ack >WW     refuse
 *  fetch, read    refuse   refuse   refuse   refuse   refuse     send       send        send >O
 *  fetch, write   refuse   refuse   refuse   refuse   refuse     send >F    send >WW    send >F
 *
 * >F FREE, >O OWNED, >WR WAIT_READ, >WW WAIT_WRITE, >RW READ_WAIT, >OW OWNED_WAIT.
 * FREE: no row. "stray": a late or foreign answer: traced, dropped. "refuse": only a broken peer
 * does that: counted, dropped. *: only when the manager granted more than was asked. READ..WRITE
 * obey the hold [P 8.3]: while a thread that was woken for the page has not run, INVALIDATE and
 * FETCH wait (at most one can: a page has one transaction at a time). A frame whose bytes are on
 * their way is FROZEN, out of the table, until the receiver's ack [P 7.4]. */
#pragma once

#include "adapt/service.h"

extern const struct service_ops dsm_service;

/* The pages [first, first + pages) of the job are unmapped: copies, ownership and manager's entries
 * of them on this node are gone; threads that wait for one ask for its area anew [P 9.2]. */
void dsm_unmap_range(struct node *n, job_id job, page_no first, uint32_t pages);
/* Their area's protection is at most `most` now: page table entries here are cut down to it. */
void dsm_protect_range(struct node *n, job_id job, page_no first, uint32_t pages, enum access most);
/* The job's area that holds `page` has been learnt (or learnt to be missing): faults that waited
 * try again. */
void dsm_on_area(struct node *n, job_id job, page_no page);
/* The thread slot is empty now: its faults and holds are forgotten. */
void dsm_token_gone(struct node *n, token_no token);

/* For the console and status. */
struct dsm_counters {
    uint64_t read_faults, write_faults, pages_in, pages_out, grants, invalidations, held, forced;
    uint64_t requests, dropped_copies;
    uint32_t frames_used, pages_owned, copies, entries;
};
struct dsm_counters dsm_counters(const struct node *n);
/* One row of the page table for `pages`: false past the end. */
struct dsm_row {
    job_id job;
    page_no page;
    const char *state;
    uint32_t version, holds;
};
bool dsm_row(const struct node *n, uint32_t index, struct dsm_row *row);
