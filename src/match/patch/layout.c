/* What all patch sets of one search share, worked out of the options and the size of the maps. */
#include "match/patch/pair_rule.h"
#include "match/patch/weighting.h"

static sl_status check_map(int rows, int cols, int channels, sl_error *err)
{
    if (rows < 1 || cols < 1 || channels < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "patch map of %d x %d x %d: every side must be 1 or more", rows, cols,
                       channels);
    if (rows > SL_MATCH_MAX_PATCHES || cols > SL_MATCH_MAX_PATCHES || rows * cols > SL_MATCH_MAX_PATCHES)
        return sl_fail(err, SL_ERR_LIMIT, "patch map of %d x %d: more than %d patches", rows, cols,
                       SL_MATCH_MAX_PATCHES);
    if (channels > SL_MATCH_MAX_CHANNELS)
        return sl_fail(err, SL_ERR_LIMIT, "patch map of %d channels: more than %d", channels,
                       SL_MATCH_MAX_CHANNELS);
    return SL_OK;
}

sl_status sl_match_layout_make(const sl_match_options *options, int rows, int cols, int channels, int dim,
                               sl_match_layout *out, sl_error *err)
{
    SL_TRY(check_map(rows, cols, channels, err));
    const sl_weighting_kind *weighting = sl_weighting_of(options->weighting);
    int grid_rows = options->grid_rows ? options->grid_rows : rows;
    int grid_cols = options->grid_cols ? options->grid_cols : cols;
    if (grid_rows > rows || grid_cols > cols)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a grid of %dx%d is larger than the model's map of %dx%d: use a smaller one", grid_rows,
                       grid_cols, rows, cols);
    if (options->feature == SL_FEATURE_CONTRIBUTIONS) {
        channels = dim;
        SL_TRY(check_map(rows, cols, channels, err));
    }
    if (weighting->pool == SL_POOL_EMBEDDING && channels != dim)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "weighting %s compares patches with the embedding, which needs equal lengths: this model's "
                       "patches have %d channels, its embedding %d; use apc, or the feature contributions",
                       weighting->name, channels, dim);
    const int patches = grid_rows * grid_cols;
    const int converged = options->solver == SL_SOLVER_CONVERGED;
    *out = (sl_match_layout){
        .map_rows = rows,
        .map_cols = cols,
        .rows = grid_rows,
        .cols = grid_cols,
        .channels = channels,
        .dim = dim,
        .patches = patches,
        .stride = (patches + SL_MATCH_LANES - 1) / SL_MATCH_LANES * SL_MATCH_LANES,
        .rule = &sl_pair_emd,
        .feature = options->feature,
        .compute = options->patch_compute,
        .weighting = weighting,
        .solver = options->solver,
        .sinkhorn = {.eps = 0.05f, .max_iterations = converged ? 2000 : 100, .stop = converged ? 1e-6f : 0.1f},
    };
    return SL_OK;
}
