/* Relevance after Chefer, Gur and Wolf: gradient times attention, its positive part, through all layers. */
#include "explain/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A [rows, tokens]: the mean over heads of [slope * attention]+. */
static void mean_of_heads(const sl_insight *inside, const sl_insight_layer *l, double *a)
{
    const size_t n = (size_t)l->rows * (size_t)inside->tokens;
    memset(a, 0, n * sizeof *a);
    for (int h = 0; h < inside->heads; h++)
        for (size_t i = 0; i < n; i++) {
            const double part = (double)l->slope[(size_t)h * n + i] * (double)l->attention[(size_t)h * n + i];
            a[i] += part > 0 ? part / inside->heads : 0;
        }
}

/* was <- R; R <- R + A R; the rows that A has not stay. */
static void through_layer(const double *a, int rows, int tokens, double *r, double *was)
{
    const size_t t = (size_t)tokens;
    memcpy(was, r, t * t * sizeof *r);
    for (size_t i = 0; i < (size_t)rows; i++)
        for (size_t k = 0; k < t; k++)
            for (size_t j = 0; a[i * t + k] > 0 && j < t; j++)
                r[i * t + j] += a[i * t + k] * was[k * t + j];
}

static void mean_of_rows(const double *r, int tokens, const sl_token_range *read, int ranges, float *by_token)
{
    for (int j = 0; j < tokens; j++) {
        double sum = 0;
        int count = 0;
        for (int k = 0; k < ranges; k++)
            for (int i = 0; i < read[k].count; i++, count++)
                sum += r[(size_t)(read[k].from + i) * (size_t)tokens + (size_t)j];
        by_token[j] = (float)(sum / count);
    }
}

sl_status sl_relevance(const sl_insight *inside, const sl_token_range *read, int ranges, float *by_token,
                       sl_error *err)
{
    const size_t t = (size_t)inside->tokens;
    double *r = sl_calloc_aligned(3 * t * t, sizeof *r), *was = r + t * t, *a = was + t * t;
    if (!r)
        return sl_no_memory(err, "for a map of relevance");
    for (size_t i = 0; i < t; i++)
        r[i * t + i] = 1;
    for (int l = 0; l < inside->layers; l++) {
        mean_of_heads(inside, &inside->layer[l], a);
        through_layer(a, inside->layer[l].rows, inside->tokens, r, was);
    }
    mean_of_rows(r, inside->tokens, read, ranges, by_token);
    free(r);
    return SL_OK;
}
