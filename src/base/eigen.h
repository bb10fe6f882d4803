/* Eigenvectors of symmetric matrices, in double. */
#ifndef SL_BASE_EIGEN_H
#define SL_BASE_EIGEN_H

#include "base/status.h"

/* All eigenvalues [n], largest first, and their unit vectors [n, n] (a row each) of a symmetric matrix [n, n],
 * which is destroyed: Jacobi's rotations, for small n. */
void sl_eigen_all(double *matrix, int n, double *values, double *vectors);

/* An orthonormal basis [count, n] of about the space of the largest eigenvectors of such a matrix: `rounds` of subspace
 * iteration. image: scratch [count, n]. */
void sl_eigen_subspace(const double *matrix, int n, int count, int rounds, double *rows, double *image);

/* The `count` largest eigenvalues and their vectors [count, n] of a positive semi-definite matrix [n, n]:
 * subspace iteration, until the eigenvalues' sum stays to 1e-10 or 300 times. The same on every machine. */
sl_status sl_eigen_top(const double *matrix, int n, int count, double *values, double *vectors, sl_error *err);

#endif
