/* A patch map made coarser. Windows of neighbours share a row or column where the sides do not divide:
 *
 *     7 cells    |  0  1  2  3  4  5  6  |
 *     to 4       | [ 0  1 ]              |
 *                |    [ 1  2  3 ]        |
 *                |          [ 3  4  5 ]  |
 *                |                [ 5  6 ]  */
#ifndef SL_MATCH_POOL_MAP_H
#define SL_MATCH_POOL_MAP_H

#include "match/match.h"

/* Adaptive average pooling (PyTorch's AdaptiveAvgPool2d: cell i of n takes rows floor(i H / n) up to but not
 * including ceil((i + 1) H / n)): raw [rows * cols, channels] -> out [out_rows * out_cols, channels]. */
void sl_pool_map(const float *raw, int rows, int cols, int channels, float *out, int out_rows, int out_cols);

/* Adds up the window of cell (row, col) of the layout's grid over a face's stored patches: sum [C]. Returns its number
 * of cells. */
int sl_pool_window(const sl_match_layout *layout, const sl_patch_source *source, int row, int col, float *sum);

#endif
