/* Adaptive average pooling, of raw numbers and of a face's stored patches. */
#include "match/patch/pool_map.h"

#include <string.h>

#include "match/kernels/match_kernels.h"

/* Window of cell i when `from` cells are pooled to `to`. */
static int window_begin(int i, int from, int to)
{
    return i * from / to;
}
static int window_end(int i, int from, int to)
{
    return ((i + 1) * from + to - 1) / to;
}

int sl_pool_window(const sl_match_layout *l, const sl_patch_source *source, int row, int col, float *sum)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    const size_t channels = (size_t)l->channels;
    int cells = 0;
    memset(sum, 0, channels * sizeof *sum);
    for (int y = window_begin(row, l->map_rows, l->rows); y < window_end(row, l->map_rows, l->rows); y++)
        for (int x = window_begin(col, l->map_cols, l->cols); x < window_end(col, l->map_cols, l->cols); x++) {
            size_t cell = (size_t)y * l->map_cols + x;
            if (source->patches_f32)
                k->add_scaled(source->patches_f32 + cell * channels, channels, 1, sum);
            else
                k->add_scaled_i8(source->patches_i8 + cell * channels, channels, source->patch_scales[cell], sum);
            cells++;
        }
    return cells;
}

void sl_pool_map(const float *raw, int rows, int cols, int channels, float *out, int out_rows, int out_cols)
{
    const sl_match_layout l = {
        .map_rows = rows, .map_cols = cols, .rows = out_rows, .cols = out_cols, .channels = channels};
    const sl_patch_source source = {.patches_f32 = raw};
    for (int y = 0; y < out_rows; y++)
        for (int x = 0; x < out_cols; x++) {
            float *cell = out + (size_t)(y * out_cols + x) * channels;
            int cells = sl_pool_window(&l, &source, y, x, cell);
            for (int c = 0; c < channels; c++)
                cell[c] /= (float)cells;
        }
}
