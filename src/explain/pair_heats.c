/* What a learned look went by, for the pictures of a pair: the rows of its page, and strips of one kind alone. */
#include "explain/pair_page.h"

#include "image/image.h"
#include "match/second_look.h"

/* ---- laid open ---- */

sl_status sl_pair_heats_open(const sl_pair *pair, const sl_match_options *settled, sl_pair_heats *out, sl_error *err)
{
    *out = (sl_pair_heats){0};
    if (!(sl_rerank_reads(settled->rerank) & SL_READS_LEARNED))
        return SL_OK;
    SL_TRY(sl_heats_open(settled, &pair->query->shape, true, &out->heats, err));
    SL_TRY(sl_heats_pair(&out->heats, pair->query, pair->other, err));
    const sl_insight *inside = &out->heats.inside;
    out->relevance = true;
    out->attention = inside->layer[0].rows == inside->tokens;
    out->cc = inside->photo[0] != NULL;
    return SL_OK;
}

void sl_pair_heats_close(sl_pair_heats *h)
{
    sl_heats_close(&h->heats);
}

sl_status sl_pair_attention_flow(const sl_pair_heats *h, const sl_pair *pair, int head, int side, sl_image *out,
                                 sl_error *err)
{
    int width, height;
    sl_tiles tiles;
    *out = (sl_image){0};
    SL_TRY(sl_attention_tiles(&h->heats, head, &tiles, err));
    sl_tile_size(pair->query_crop ? pair->query_crop : pair->other_crop, side, &width, &height);
    sl_status status = sl_tiles_picture(&tiles, pair->other_crop, width, height, out, err);
    sl_tiles_free(&tiles);
    return status;
}

/* ---- a row of the page ---- */

static sl_status over_face(const float *heat, const sl_heat *of, const sl_image *crop, sl_image *out, sl_error *err)
{
    return sl_draw_heat(heat, of->rows, of->cols, crop, SL_HEAT_JET, PAIR_SIDE, out, err);
}

sl_status sl_pair_heats_row(const sl_pair_heats *h, const sl_pair *pair, sl_heat_kind kind, int row, sl_image *page,
                            sl_error *err)
{
    static const char *const words[][2] = {{"cross-correlation", "what fits the other as a whole"},
                                           {"attention", "what attends to the same place"},
                                           {"relevance", "what the score came from"}};
    sl_heat heat;
    sl_image query = {0}, other = {0};
    SL_TRY(sl_heats_take(&h->heats, kind, SL_ALL_HEADS, &heat, err));
    sl_status status = over_face(heat.query, &heat, pair->query_crop, &query, err);
    if (status == SL_OK)
        status = over_face(heat.other, &heat, pair->other_crop, &other, err);
    if (status == SL_OK) {
        sl_pair_put(page, &(sl_pair_place){0, row, words[kind][0], words[kind][1], "red: most, blue: least"}, &query);
        sl_pair_put(page, &(sl_pair_place){2, row, words[kind][0], "the same of the other", ""}, &other);
    }
    sl_image_free(&query);
    sl_image_free(&other);
    sl_heat_free(&heat);
    return status;
}

/* ---- strips ---- */

static sl_status check_strip(const sl_pair *pair, int side, sl_error *err)
{
    if (!pair || side < 8 || side > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture needs a pair, and a side of 8 .. 4096 pixels, not %d", side);
    if (pair->query_crop)
        SL_TRY(sl_image_check(pair->query_crop, err));
    return pair->other_crop ? sl_image_check(pair->other_crop, err) : SL_OK;
}

static sl_status plain(const sl_image *crop, int side, sl_image *out, sl_error *err)
{
    int width, height;
    sl_tile_size(crop, side, &width, &height);
    return sl_tile(crop, width, height, out, err);
}

/* Tiles side by side, without gaps; they are freed. */
static sl_status side_by_side(sl_status status, sl_image *tiles, int count, sl_image *out, sl_error *err)
{
    int width = 0, height = 0;
    for (int i = 0; i < count; i++) {
        width += tiles[i].width;
        height = tiles[i].height > height ? tiles[i].height : height;
    }
    if (status == SL_OK)
        status = sl_image_new(width, height, 3, out, err);
    for (int i = 0, x = 0; i < count; x += tiles[i++].width)
        if (status == SL_OK)
            sl_draw_image(out, x, 0, &tiles[i]);
    for (int i = 0; i < count; i++)
        sl_image_free(&tiles[i]);
    return status;
}

sl_status sl_draw_heats(const sl_pair *pair, const sl_heat *heat, sl_heat_style style, int side, sl_image *out,
                        sl_error *err)
{
    sl_image tiles[4] = {0};
    *out = (sl_image){0};
    SL_TRY(check_strip(pair, side, err));
    if (!heat)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture of heats needs them");
    sl_status status = plain(pair->query_crop, side, &tiles[0], err);
    if (status == SL_OK)
        status = sl_draw_heat(heat->query, heat->rows, heat->cols, pair->query_crop, style, side, &tiles[1], err);
    if (status == SL_OK)
        status = sl_draw_heat(heat->other, heat->rows, heat->cols, pair->other_crop, style, side, &tiles[2], err);
    if (status == SL_OK)
        status = plain(pair->other_crop, side, &tiles[3], err);
    return side_by_side(status, tiles, 4, out, err);
}

static sl_status flow_strip(const sl_pair *pair, const sl_pair_heats *heats, int head, int side, sl_image *out,
                            sl_error *err)
{
    sl_image tiles[3] = {0};
    sl_status status = plain(pair->query_crop, side, &tiles[0], err);
    if (status == SL_OK)
        status = sl_pair_attention_flow(heats, pair, head, side, &tiles[1], err);
    if (status == SL_OK)
        status = plain(pair->other_crop, side, &tiles[2], err);
    return side_by_side(status, tiles, 3, out, err);
}

sl_status sl_draw_attention_flow(const sl_pair *pair, const sl_match_options *options, int head, int side,
                                 sl_image *out, sl_error *err)
{
    sl_pair_heats heats = {0};
    *out = (sl_image){0};
    SL_TRY(check_strip(pair, side, err));
    if (!pair->query || !pair->other || !options || !(sl_rerank_reads(options->rerank) & SL_READS_LEARNED))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "attention flow needs two templates and a look that was learned, h2l or h2");
    SL_TRY(sl_shape_check_same(&pair->query->shape, &pair->other->shape, err));
    sl_status status = sl_pair_heats_open(pair, options, &heats, err);
    if (status == SL_OK)
        status = flow_strip(pair, &heats, head, side, out, err);
    sl_pair_heats_close(&heats);
    return status;
}
