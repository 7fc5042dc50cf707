/* The FPU and SSE registers of threads. One thread's are in the processor (the owner); they are
 * saved when another thread needs it. The portable form is FNSAVE's 108 bytes, then XMM0-7 and
 * MXCSR [D 3]. Sources: [IA32-1 8.1.10],
 * [IA32-2 FXSAVE]. */
#pragma once

#include <stdint.h>

enum {
    FPU_FXSAVE_BYTES = 512, /* [IA32-2 FXSAVE] */
    FPU_FNSAVE_BYTES = 108, /* [IA32-1 8.1.10] 32-bit protected mode */
    FPU_PORTABLE_BYTES = 108 + 128 + 4,
};

/* FXSAVE's image where the CPU has FXSR, else FNSAVE's. */
struct fpu_state {
    uint8_t bytes[FPU_FXSAVE_BYTES];
} __attribute__((aligned(16)));

/* What a program starts with: all masked, extended precision, MXCSR 1F80h. */
void fpu_reset(struct fpu_state *state);
/* Load `to` into the processor; the owner's registers are saved to its own state first. */
void fpu_switch(struct fpu_state *to);
/* Bring state up to date if it is the owner's; needed before it is read. */
void fpu_sync(struct fpu_state *state);
/* The state is no longer used: nothing is to be saved there. */
void fpu_forget(struct fpu_state *state);

void fpu_export(struct fpu_state *state, uint8_t *portable);
void fpu_import(struct fpu_state *state, const uint8_t *portable);
