/* What the parts of the membership know of each other. Included by adapt/member*.c and
 * adapt/supervisor.c alone. */
#pragma once

#include "adapt/format.h"
#include "adapt/node.h"

/* ---- member.c ---- */
const struct view_member *member_self(const struct node *n); /* NULL before admission */
bool member_is_proposer(const struct node *n);
uint32_t member_index(const struct view *v, const struct view_member *m);
/* The member of the view in place with that MAC and nonce, NULL: none. */
const struct view_member *member_sender(const struct node *n, uint64_t mac, uint64_t nonce);
/* The only way in for a view: newer than the one in place, with this node in it [STYLE A4]. */
void member_set_view(struct node *n, const struct view *v);
void member_set_state(struct node *n, enum member_state state);
/* True in a member when a message about this view came from the proposer, another node. */
bool member_heard_proposer(const struct node *n, uint64_t from_mac, uint32_t epoch,
                           uint64_t digest);
/* Reports those of the view in place (by index) that have not answered. */
void member_tell_silent(struct node *n, const uint8_t answered[MEMBERS_MAX]);
/* us +- 25 % [D 6]. */
uint64_t member_jitter_us(struct node *n, uint64_t us);
/* Something became possible: goes through all steps that are due. */
void member_advance(struct node *n);

/* ---- member_hello.c ---- */
void hello_restart(struct node *n); /* the schedule of 0, 50, 100, … from now on */
void hello_send(struct node *n, uint64_t to_mac, uint32_t flags);
void hello_tick(struct node *n);
void member_on_hello(struct node *n, const struct msg *m, uint64_t from_mac);

/* ---- member_seen.c ---- */
struct seen *seen_note(struct node *n, const struct body_hello *h);
void seen_forget_members(struct node *n);
bool seen_is_fresh(const struct node *n, const struct seen *row);
/* Alive, of this build, not in a cluster, wants in: counts for founding. */
bool seen_is_candidate(const struct node *n, const struct seen *row);
/* True the first time for this row's nonce. */
bool seen_tell_once(struct seen *row, uint32_t flag);
/* "n3 (52:54:00:12:34:56)" or the MAC alone. */
enum { NODE_TEXT_BYTES = NAME_BYTES + MAC_TEXT_BYTES + 4 };
void node_text(char text[NODE_TEXT_BYTES], const char name[NAME_BYTES], uint64_t mac);
const char *seen_text(const struct seen *row, char text[NODE_TEXT_BYTES]);

/* ---- member_found.c ---- */
void found_listen(struct node *n); /* begins to listen, as after the boot */
void found_tick(struct node *n);
/* A cluster of this name was heard while this node is in none. */
void found_on_cluster(struct node *n, const struct body_hello *h, uint64_t from_mac);
void member_on_refuse(struct node *n, const struct msg *m);

/* ---- member_newcomers.c: the proposer's ---- */
void newcomers_on_hello(struct node *n, struct seen *row, const struct body_hello *h);
void newcomers_refuse(struct node *n, struct seen *row, enum refuse reason);
/* Repeats the answers to those that do not know the cluster yet, when due. */
void newcomers_answer(struct node *n);
uint32_t newcomers_asking(const struct node *n);
/* Those who ask, lowest MAC first, so that ids follow MACs; as many as there is room for. */
uint32_t newcomers_collect(const struct node *n, struct change changes[MEMBERS_MAX]);
/* They wait for the end of a job: said once of each. */
void newcomers_tell_wait(struct node *n);

/* ---- member_propose.c ---- */
void proposer_tick(struct node *n);
uint64_t proposer_deadline_us(const struct node *n);
void proposer_on_accepted(struct node *n, const struct msg *m, uint64_t from_mac);
void proposer_on_committed(struct node *n, const struct msg *m, uint64_t from_mac);
/* A member answered for the view in place in another way (PHASE). */
void proposer_note_installed(struct node *n, uint32_t index);
/* A member has a part of a job: no admission now. */
void proposer_on_busy(struct node *n);

/* ---- member_accept.c ---- */
/* Adds a piece; true when the view of that digest is whole. */
bool pieces_put(struct view_pieces *p, const struct msg *m);
/* [P 7.5] true: accepted (again). */
bool acceptor_take(struct node *n, uint32_t epoch, uint64_t ballot, uint64_t digest);
void member_on_accept(struct node *n, const struct msg *m, uint64_t from_mac);
void member_on_commit(struct node *n, const struct msg *m, uint64_t from_mac);

/* ---- supervisor_stable.c ---- */
/* The announcement under way to those that have not answered, and when it goes out again. */
void supervisor_send_stable(struct node *n);
