/* Exceptions in ring 3: a page fault is a question to the DSM, everything else ends the job with a
 * report, as the default action of Linux's signal would; the node goes on [D 3]. Called by
 * kernel/pump.c. */
#pragma once

#include "kernel/thread.h"

/* The thread has just trapped with an exception. */
void fault_from_user(struct thread *t);
/* The core has refused the page: SIGSEGV. */
void fault_deny(struct thread *t);
