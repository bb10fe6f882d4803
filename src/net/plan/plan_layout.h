/* How a tensor [N, C, ...] lies in memory, as far as our own steps understand it:
 * [batch, blocks, inner, width] with channel = block * width + lane. Dense is width 1, channels-last is one
 * block of all channels, oneDNN's nChw16c has width 16 with zeros behind the last channel. */
#ifndef SL_NET_PLAN_LAYOUT_H
#define SL_NET_PLAN_LAYOUT_H

#include "net/plan/plan_build.h"

typedef struct {
    int64_t batch, blocks, inner, width, channels;
    bool padded;     /* blocks * width > channels */
    const sl_md *md; /* NULL: dense; else belongs to the tensor's place, valid until that changes */
    int buffer;      /* where it is now; -1 for a constant not yet placed */
} sl_layout;

/* The layout t should be read in: where it is already. */
sl_layout sl_layout_of(const sl_build *b, sl_tensor t);

/* Tensor t in that layout; a new tensor t of that layout, in `in_place` unless that is -1. */
sl_status sl_layout_want(sl_build *b, sl_tensor t, const sl_layout *like, int *buffer, sl_error *err);
sl_status sl_layout_make(sl_build *b, sl_tensor t, const sl_layout *like, int in_place, int *buffer,
                         sl_error *err);

/* Padding counted. */
int64_t sl_layout_elements(const sl_layout *l);

/* Runs fn(context, from, to) on pieces of 0 .. count - 1, on the plan's threads when there is enough to do
 * (`work` floats in all). How it is cut never changes a result. */
typedef void (*sl_piece_fn)(const void *context, int64_t from, int64_t to);
void sl_run_pieces(int64_t count, int64_t work, sl_piece_fn fn, const void *context);

#endif
