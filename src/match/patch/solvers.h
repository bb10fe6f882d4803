/* The solvers beside the published iteration; both in double, on one pair. */
#ifndef SL_MATCH_SOLVERS_H
#define SL_MATCH_SOLVERS_H

#include "match/match.h"

/* One transport problem: similarities S [patches, stride] (cost 1 - S), marginals u (rows) and v (columns),
 * neither all zero; they are scaled to total 1 here. */
typedef struct {
    const float *S, *u, *v;
    int patches, stride;
} sl_transport_problem;

/* Bytes of work memory (a multiple of 64, to be 64-byte aligned) that either solver needs. */
size_t sl_solver_bytes(int patches);

size_t sl_sinkhorn_bytes(int patches); /* what sl_sinkhorn_converge alone needs of them */

/* Sinkhorn until the row marginals hold (their L1 error is at most rule->stop) or rule->max_iterations.
 * plan [R, R]. Returns the number of iterations. */
int sl_sinkhorn_converge(const sl_transport_problem *problem, const sl_sinkhorn_rule *rule, void *work,
                         double *plan);

/* The optimal plan [R, R] by the network simplex. pivots may be NULL; potentials, NULL or [2 R]: y of the rows
 * then of the columns, with y_row - y_column <= cost, equal where the plan is positive (NaN for a patch that
 * weighs nothing). SL_ERR_INTERNAL when it does not end. */
sl_status sl_transport_solve(const sl_transport_problem *problem, void *work, double *plan, int *pivots,
                             double *potentials, sl_error *err);

#endif
