/* Golden traces: a text of commands, and behind each the trace lines that it causes.
 *
 *   # comment                     kept
 *   $ nodes 3                     first: so many PCs, a perfect LAN, until they are stable; silent
 *   $ found 3                     the same with its trace
 *   $ run n1                      a job starts on n1; its main thread waits for commands there
 *   $ n1 clone                    its thread there makes another one
 *   $ n2 read|write|add ADDRESS [VALUE]
 *   $ n2 map|unmap ADDRESS BYTES
 *   $ n2 wait ADDRESS VALUE | wake ADDRESS COUNT | barrier ADDRESS COUNT
 *   $ n2 exit                     the thread ends
 *   $ lose 3                      the next so many datagrams are lost
 *   $ quiet COMMAND               without its trace
 *
 * Commands go to the first thread of that node that waits for one. Everything else in the file is
 * output: what the thread's command came to ("= 5", or that it waits), and trace lines. */
#pragma once

/* Prints the file anew, with the trace as it is now, to stdout. 0, or 1 when a command is wrong. */
int script_run(const char *path);
