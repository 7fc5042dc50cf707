/* The commands about the cluster, by the files that hold them; commands_core.c has the table.
 * Each as struct command.run. */
#pragma once

#include "adapt/view.h"
#include "kernel/print.h"

struct node;

/* This node's core if it takes part in a cluster, else NULL, and `out` was told why not. */
struct node *command_node(struct print_sink *out);
/* "wrong: 'WORD' WHY" on a line; returns COMMAND_USAGE. */
int command_wrong(struct print_sink *out, const char *word, const char *why);
void command_print_mac(struct print_sink *out, uint64_t mac);
/* Microseconds as "12.345 ms". */
void command_print_ms(struct print_sink *out, uint64_t us);

/* commands_core_view.c */
int command_nodes(int argc, char **argv, struct print_sink *out);
int command_view(int argc, char **argv, struct print_sink *out);
int command_cells(int argc, char **argv, struct print_sink *out);
int command_locate(int argc, char **argv, struct print_sink *out);
int command_join(int argc, char **argv, struct print_sink *out);
/* commands_core_jobs.c */
int command_run(int argc, char **argv, struct print_sink *out);
int command_jobs(int argc, char **argv, struct print_sink *out);
int command_kill(int argc, char **argv, struct print_sink *out);
int command_threads(int argc, char **argv, struct print_sink *out);
/* commands_core_memory.c */
int command_pages(int argc, char **argv, struct print_sink *out);
int command_sync(int argc, char **argv, struct print_sink *out);
/* commands_core_net.c */
int command_net(int argc, char **argv, struct print_sink *out);
int command_trace(int argc, char **argv, struct print_sink *out);
