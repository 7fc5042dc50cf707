/* FPU and SSE registers of threads; see fpu.h. The kernel itself never computes with them, so
 * whatever is in the processor belongs to fpu_owner until another thread is dispatched. */
#include "kernel/fpu.h"

#include <stddef.h>
#include <string.h>

#include "kernel/cpu.h"

static struct fpu_state *fpu_owner;

enum {
    FNSAVE_REGISTERS = 28, /* [IA32-1 8.1.10] offset; 80 bytes, to the end */
    FXSAVE_MXCSR = 24, /* [IA32-2 FXSAVE, table 3-43] offsets */
    FXSAVE_REGISTERS = 32,
    FXSAVE_XMM = 160,
    XMM_BYTES = 128,
};
#define MXCSR_RESET 0x1F80u /* [IA32-1 10.2.3] */

static void save(struct fpu_state *state) {
    if (cpu_features.fxsr) {
        __asm__ volatile("fxsave %0" : "=m"(*state));
    } else if (cpu_features.fpu) {
        __asm__ volatile("fnsave %0; fwait" : "=m"(*state)); /* also resets the FPU */
    }
}

static void load(const struct fpu_state *state) {
    if (cpu_features.fxsr) {
        __asm__ volatile("fxrstor %0" : : "m"(*state));
    } else if (cpu_features.fpu) {
        /* FRSTOR waits: an exception that the last thread left pending would strike the kernel */
        __asm__ volatile("fnclex; frstor %0" : : "m"(*state));
    }
}

void fpu_sync(struct fpu_state *state) {
    if (fpu_owner != state) {
        return;
    }
    save(state);
    if (!cpu_features.fxsr) {
        load(state);
    }
}

void fpu_switch(struct fpu_state *to) {
    if (fpu_owner == to) {
        return;
    }
    if (fpu_owner != NULL) {
        save(fpu_owner);
    }
    load(to);
    fpu_owner = to;
}

void fpu_forget(struct fpu_state *state) {
    if (fpu_owner == state) {
        fpu_owner = NULL;
    }
}

/* Puts another state into the processor for a moment, without losing the owner's. */
static void park_owner(void) {
    if (fpu_owner != NULL) {
        save(fpu_owner);
        fpu_owner = NULL;
    }
}

/* FNINIT only marks the registers empty: what another program left in them is not for this one. */
void fpu_reset(struct fpu_state *state) {
    park_owner();
    memset(state, 0, sizeof(*state));
    if (!cpu_features.fpu) {
        return;
    }
    __asm__ volatile("fninit");
    save(state);
    if (cpu_features.fxsr) {
        uint32_t mxcsr = MXCSR_RESET;
        memset(state->bytes + FXSAVE_REGISTERS, 0, sizeof(state->bytes) - FXSAVE_REGISTERS);
        memcpy(state->bytes + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
    } else {
        memset(state->bytes + FNSAVE_REGISTERS, 0, FPU_FNSAVE_BYTES - FNSAVE_REGISTERS);
    }
}

void fpu_export(struct fpu_state *state, uint8_t *portable) {
    memset(portable, 0, FPU_PORTABLE_BYTES);
    fpu_sync(state);
    if (!cpu_features.fxsr) {
        memcpy(portable, state->bytes, FPU_FNSAVE_BYTES);
        return;
    }
    park_owner();
    load(state);
    uint8_t image[FPU_FNSAVE_BYTES];
    __asm__ volatile("fnsave %0; fwait" : "=m"(image));
    memcpy(portable, image, FPU_FNSAVE_BYTES);
    memcpy(portable + FPU_FNSAVE_BYTES, state->bytes + FXSAVE_XMM, XMM_BYTES);
    memcpy(portable + FPU_FNSAVE_BYTES + XMM_BYTES, state->bytes + FXSAVE_MXCSR, 4);
}

void fpu_import(struct fpu_state *state, const uint8_t *portable) {
    fpu_reset(state);
    if (!cpu_features.fxsr) {
        memcpy(state->bytes, portable, FPU_FNSAVE_BYTES);
        return;
    }
    uint8_t image[FPU_FNSAVE_BYTES];
    uint32_t mxcsr;
    memcpy(image, portable, FPU_FNSAVE_BYTES);
    __asm__ volatile("frstor %0" : : "m"(image));
    save(state);
    memcpy(state->bytes + FXSAVE_XMM, portable + FPU_FNSAVE_BYTES, XMM_BYTES);
    memcpy(&mxcsr, portable + FPU_FNSAVE_BYTES + XMM_BYTES, 4);
    mxcsr &= 0xFFBFu; /* bits that every SSE CPU has: a reserved one would fault in FXRSTOR */
    memcpy(state->bytes + FXSAVE_MXCSR, &mxcsr, 4);
}
