/* Attention from face to face: what of it is drawn. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "explain/heat.h"

sl_token_range sl_cells_of(const sl_insight *inside, int photo)
{
    return (sl_token_range){photo ? 2 + inside->cells : 1, inside->cells};
}

sl_status sl_attention_block(const sl_insight *inside, int head, int from, float *block, sl_error *err)
{
    const sl_insight_layer *l = &inside->layer[0];
    const size_t t = (size_t)inside->tokens, n = (size_t)inside->cells;
    const int first = head < 0 ? 0 : head, last = head < 0 ? inside->heads - 1 : head;
    if (last >= inside->heads)
        return sl_fail(err, SL_ERR_ARGUMENT, "there is no head %d: attention has %d", head + 1, inside->heads);
    if (l->rows != inside->tokens)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "this look works out its class token's attention alone, none from face to "
                       "face: ask for relevance");
    const size_t row = (size_t)sl_cells_of(inside, from).from, col = (size_t)sl_cells_of(inside, !from).from;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (int h = first; h <= last; h++)
                sum += (double)l->attention[((size_t)h * t + row + i) * t + col + j];
            block[i * n + j] = (float)(sum / (last - first + 1));
        }
    return SL_OK;
}

/* Each row to length 1; one of zeros stays. */
static void rows_to_unit(float *x, int rows, int cols)
{
    for (int r = 0; r < rows; r++) {
        double length = 0;
        for (int c = 0; c < cols; c++)
            length += (double)x[r * cols + c] * (double)x[r * cols + c];
        for (int c = 0; c < cols && length > 0; c++)
            x[r * cols + c] = (float)((double)x[r * cols + c] / sqrt(length));
    }
}

/* How much each cell attends to the one in its place on the other face. */
sl_status sl_attention_heat(const sl_insight *inside, int head, sl_heat *out, sl_error *err)
{
    const size_t n = (size_t)inside->cells;
    float *block = sl_calloc_aligned(n * n, sizeof *block), *const of[2] = {out->query, out->other};
    sl_status status = block ? SL_OK : sl_no_memory(err, "for a heat map");
    for (int photo = 0; status == SL_OK && photo < 2; photo++) {
        status = sl_attention_block(inside, head, photo, block, err);
        for (size_t i = 0; status == SL_OK && i < n; i++)
            of[photo][i] = block[i * n + i];
        if (status == SL_OK)
            rows_to_unit(of[photo], out->rows, out->cols);
    }
    free(block);
    return status;
}

/* Row m of the block as the tile of cell m. */
static void choose_tiles(const float *block, int cells, sl_tiles *out)
{
    float most = 0;
    for (int m = 0; m < cells; m++) {
        const float *row = block + (size_t)m * (size_t)cells;
        int best = 0;
        for (int s = 1; s < cells; s++)
            best = row[s] > row[best] ? s : best;
        out->tile[m] = best;
        out->brightness[m] = row[best];
        most = fmaxf(most, row[best]);
    }
    for (int m = 0; m < cells; m++)
        out->brightness[m] = most > 0 ? out->brightness[m] / most : 0;
}

sl_status sl_attention_tiles(const sl_heats *h, int head, sl_tiles *out, sl_error *err)
{
    const int n = h->inside.cells;
    SL_TRY(sl_tiles_new(h->rows, h->cols, out, err));
    float *block = sl_calloc_aligned((size_t)n * (size_t)n, sizeof *block);
    sl_status status =
        block ? sl_attention_block(&h->inside, head, 0, block, err) : sl_no_memory(err, "for a flow picture");
    if (status == SL_OK) {
        rows_to_unit(block, n, n);
        choose_tiles(block, n, out);
    } else {
        sl_tiles_free(out);
    }
    free(block);
    return status;
}
