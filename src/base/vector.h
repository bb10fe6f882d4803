/* Vectors of floats compared, summed up in double. */
#ifndef SL_BASE_VECTOR_H
#define SL_BASE_VECTOR_H

#include <math.h>

/* The cosine of two vectors [n]; NaN where one is zero. */
static inline double sl_cosine(const float *a, const float *b, int n)
{
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

#endif
