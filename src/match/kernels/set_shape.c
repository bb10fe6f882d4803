/* How a patch set lies in memory: counts and strides by its layout. */
#include "match/kernels/set_shape.h"

#include "match/kernels/match_isa.h"
#include "match/patch/weighting.h"

bool sl_has_pooled(const sl_match_layout *l)
{
    const bool tiled = l->map_rows % l->rows == 0 && l->map_cols % l->cols == 0;
    /* a mix has another length than g, which only one set's sum takes away */
    const bool mix = tiled && !l->weighting->joint;
    return l->weighting->pool == SL_POOL_EMBEDDING || (l->weighting->pool == SL_POOL_PATCHES && !mix);
}

size_t sl_set_row_stride(const sl_match_layout *layout)
{
    const size_t unit = layout->compute == SL_COMPARE_INT8 ? 64 : SL_MATCH_LANES;
    return ((size_t)layout->channels + unit - 1) / unit * unit;
}

size_t sl_set_element_bytes(const sl_match_layout *layout)
{
    switch (layout->compute) {
    case SL_COMPARE_INT8: return 1;
    case SL_COMPARE_BF16:
        if (sl_match_has_bf16())
            return sizeof(uint16_t);
        break;
    case SL_COMPARE_F32:
    }
    return sizeof(float);
}

sl_set_shape sl_set_shape_of(const sl_match_layout *layout)
{
    const int i8 = layout->compute == SL_COMPARE_INT8;
    int rows = layout->patches + (sl_has_pooled(layout) ? (i8 ? 2 : 1) : 0);
    return (sl_set_shape){.row_count = (rows + 1) / 2 * 2,
                          .row_stride = sl_set_row_stride(layout)};
}
