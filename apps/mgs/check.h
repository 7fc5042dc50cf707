/* The judgement: are the loss of orthogonality and the residual what theory allows? */
#pragma once

#include "apps/mgs/mgs.h"

struct check {
    double loss;                /* max |QtQ - I|                                               */
    double residual;            /* max over the columns of |a - Qr| / |a|, 2-norms             */
    double cond;                /* estimate of A's condition, 2-norm, from R                   */
    double cond_scaled;         /* the same with A's columns scaled to norm 1                  */
    double loss_max;            /* what is allowed                                             */
    double residual_max;
    const char *reason;         /* why it failed; NULL: passed                                 */
};

/* Fills in what m->verify asks for, from the workers' results and R; the rest stays as it is. By
 * main, when the others have ended. */
void check_judge(const struct mgs *m, struct check *c);
