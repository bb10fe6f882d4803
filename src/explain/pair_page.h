/* The page that a pair's picture is: rows of three places, each with a heading above and two lines below. */
#ifndef SL_EXPLAIN_PAIR_PAGE_H
#define SL_EXPLAIN_PAIR_PAGE_H

#include "explain/heat.h"

/* Pixels. */
enum {
    PAIR_SIDE = 256,
    PAIR_MARGIN = 28,
    PAIR_GAP = 24,
    PAIR_HEAD = 20,
    PAIR_FOOT = 40,
    PAIR_ROW = PAIR_SIDE + PAIR_FOOT + PAIR_HEAD + 16, /* from one row to the next */
    PAIR_WIDTH = 2 * PAIR_MARGIN + 3 * PAIR_SIDE + 2 * PAIR_GAP
};

static inline int sl_pair_place_x(int column)
{
    return PAIR_MARGIN + column * (PAIR_SIDE + PAIR_GAP);
}
static inline int sl_pair_row_y(int row)
{
    return PAIR_MARGIN + PAIR_HEAD + row * PAIR_ROW;
}
static inline int sl_pair_height(int rows)
{
    return sl_pair_row_y(rows - 1) + PAIR_SIDE + PAIR_FOOT;
}

/* A picture (NULL: none) in the middle of its place, and its words. */
typedef struct {
    int column, row;
    const char *heading, *line, *second_line;
} sl_pair_place;

void sl_pair_put(sl_image *page, const sl_pair_place *place, const sl_image *picture);

/* ---- pair_heats.c: a learned look that was laid open for the pair ---- */

/* What of it can be drawn; nothing of other looks. */
typedef struct {
    sl_heats heats;
    bool relevance, attention, cc;
} sl_pair_heats;

/* Closed also after a failure. */
sl_status sl_pair_heats_open(const sl_pair *pair, const sl_match_options *settled, sl_pair_heats *out, sl_error *err);
void sl_pair_heats_close(sl_pair_heats *heats);

/* The query rebuilt from what its cells attend to. */
sl_status sl_pair_attention_flow(const sl_pair_heats *heats, const sl_pair *pair, int head, int side, sl_image *out,
                                 sl_error *err);

/* One kind over both faces, in this row. */
sl_status sl_pair_heats_row(const sl_pair_heats *heats, const sl_pair *pair, sl_heat_kind kind, int row,
                            sl_image *page, sl_error *err);

#endif
