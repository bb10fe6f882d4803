/* The linear head of a recogniser: what lies between its patch map and its embedding, where that is linear. The raw
 * embedding is then the sum of what each cell gives to it, its contribution:
 *
 *     y_p = x_p W_p + b / R          embedding = sum_p y_p          x_p [C]: raw patch p; R patches
 *
 * model/head reads it off a network; match/oae multiplies with it. */
#ifndef SL_TEMPLATE_LINEAR_HEAD_H
#define SL_TEMPLATE_LINEAR_HEAD_H

#include <stddef.h>

#include "template/template.h"

enum { SL_HEAD_COLUMNS = 32 }; /* dimensions that stand together in memory */

typedef struct {
    int cells, channels, dim;
    int blocks;     /* dim / SL_HEAD_COLUMNS, rounded up */
    float *weights; /* [blocks, cells, channels, SL_HEAD_COLUMNS], 0 behind dim */
    float *bias;    /* [dim] */
} sl_head;

/* Memory for a head, all zero; SL_ERR_MEMORY. sl_head_free takes it back and leaves zeros. */
sl_status sl_head_allocate(int cells, int channels, int dim, sl_head *out, sl_error *err);
void sl_head_free(sl_head *head);

/* SL_ERR_MISMATCH where templates of this shape are not its own model's. */
sl_status sl_head_check(const sl_head *head, const sl_template_shape *shape, sl_error *err);

/* The weights of channel c of cell p for dimensions block * SL_HEAD_COLUMNS and on. */
static inline float *sl_head_weights(const sl_head *h, int block, int p, int c)
{
    return h->weights +
           (((size_t)block * (size_t)h->cells + (size_t)p) * (size_t)h->channels + (size_t)c) * SL_HEAD_COLUMNS;
}

#endif
