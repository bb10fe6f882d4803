/* The exact permutation test of paired differences (Fisher 1935), and Holm's correction (1979). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/study.h"

/* Differences are whole numbers of answers, so the sums of all 2^n draws of signs lie on 2 * total + 1 places: their
 * distribution is folded one difference after the other. at [2 * total + 1], its middle is the sum 0. */
static void fold(double *at, double *scratch, size_t middle, size_t reach, size_t step)
{
    for (size_t k = middle - reach - step; k <= middle + reach + step; k++) {
        const double below = k >= middle - reach + step ? at[k - step] : 0; /* from a sum less by one step */
        const double above = k + step <= middle + reach ? at[k + step] : 0;
        scratch[k] = (below + above) / 2;
    }
    memcpy(at + middle - reach - step, scratch + middle - reach - step, (2 * (reach + step) + 1) * sizeof *at);
}

double sl_sign_flip_p(const int *differences, size_t count)
{
    size_t total = 0, reach = 0;
    long long sum = 0;
    for (size_t i = 0; i < count; i++) {
        total += (size_t)abs(differences[i]);
        sum += differences[i];
    }
    double *at = count ? sl_calloc_aligned(2 * (2 * total + 1), sizeof *at) : NULL;
    if (!at)
        return NAN;
    at[total] = 1;
    for (size_t i = 0; i < count; i++) {
        const size_t step = (size_t)abs(differences[i]);
        if (step)
            fold(at, at + 2 * total + 1, total, reach, step);
        reach += step;
    }
    double p = 0;
    for (size_t k = 0; k <= 2 * total; k++)
        if (llabs((long long)k - (long long)total) >= llabs(sum))
            p += at[k];
    free(at);
    return fmin(p, 1);
}

void sl_holm(const double *p, size_t count, double *out)
{
    size_t tests = 0;
    for (size_t i = 0; i < count; i++)
        tests += !isnan(p[i]);
    for (size_t i = 0; i < count; i++) {
        out[i] = isnan(p[i]) ? NAN : 0;
        /* The largest of p's own and all smaller ones, each times the tests that are not smaller. */
        for (size_t k = 0; k < count && !isnan(p[i]); k++) {
            size_t smaller = 0;
            for (size_t j = 0; j < count; j++)
                smaller += p[j] < p[k];
            if (p[k] <= p[i])
                out[i] = fmax(out[i], fmin(1, p[k] * (double)(tests - smaller)));
        }
    }
}
