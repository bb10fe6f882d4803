/* What a look that was learned went by, for the best candidate of a case: worked out, and as pictures. */
#include "explain/report/report.h"

#include "image/image.h"
#include "match/second_look.h"

enum { BIG = 224, KINDS = 3 };

/* ---- worked out ---- */

static sl_status take_all(const sl_heats *heats, sl_told_heats *out, sl_error *err)
{
    for (int k = 0; k < KINDS; k++) {
        sl_status status = sl_heats_take(heats, (sl_heat_kind)k, SL_ALL_HEADS, &out->of[k], err);
        if (status != SL_OK && status != SL_ERR_UNSUPPORTED) /* which it is where the look has none of this kind */
            return status;
    }
    if (!out->of[SL_HEAT_ATTENTION].rows)
        return SL_OK;
    return sl_attention_tiles(heats, SL_ALL_HEADS, &out->flow, err);
}

sl_status sl_report_lay_open(const sl_case *one, const sl_template *other, sl_told_heats *out, sl_error *err)
{
    sl_heats heats;
    if (!(sl_rerank_reads(one->answer->match.rerank) & SL_READS_LEARNED))
        return SL_OK;
    sl_status status = sl_heats_open(&one->answer->match, &one->query->shape, true, &heats, err);
    if (status == SL_OK)
        status = sl_heats_pair(&heats, one->query, other, err);
    if (status == SL_OK)
        status = take_all(&heats, out, err);
    sl_heats_close(&heats);
    return status;
}

void sl_told_heats_free(sl_told_heats *heats)
{
    for (int k = 0; k < KINDS; k++)
        sl_heat_free(&heats->of[k]);
    sl_tiles_free(&heats->flow);
}

/* ---- pictures ---- */

static sl_status picture_end(sl_text *page, sl_status status, sl_image *picture, const char *what, sl_error *err)
{
    if (status == SL_OK) {
        sl_text_add(page, "<figure class=\"face\">");
        status = sl_report_picture(page, picture, what, err);
        sl_text_add(page, "<figcaption><span class=\"what\">%s</span></figcaption></figure>\n", what);
    }
    sl_image_free(picture);
    return status;
}

static sl_status over_face(sl_text *page, const sl_heat *heat, const float *values, const sl_image *crop,
                           const char *what, sl_error *err)
{
    sl_image picture;
    sl_status status = sl_draw_heat(values, heat->rows, heat->cols, crop, SL_HEAT_JET, BIG, &picture, err);
    return picture_end(page, status, &picture, what, err);
}

static sl_status flow_of(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err)
{
    int width, height;
    sl_image picture;
    sl_tile_size(told->one->query_crop ? told->one->query_crop : best, BIG, &width, &height);
    sl_status status = sl_tiles_picture(&told->heats.flow, best, width, height, &picture, err);
    return picture_end(page, status, &picture, "Attention flow: the query rebuilt from the patches it attends to",
                       err);
}

sl_status sl_report_heats(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err)
{
    static const char *const words[KINDS][2] = {
        {"Cross-correlation: what fits the candidate as a whole", "Cross-correlation, over the candidate"},
        {"Attention to the same place of the candidate", "Attention to the same place of the query"},
        {"Relevance: what the score came from", "Relevance, over the candidate"}};
    static const sl_heat_kind order[KINDS] = {SL_HEAT_RELEVANCE, SL_HEAT_CC, SL_HEAT_ATTENTION};
    const sl_told_heats *h = &told->heats;
    if (!h->of[SL_HEAT_RELEVANCE].rows)
        return SL_OK;
    sl_text_add(
        page, "<h4>What the network that sees both faces went by</h4>\n<p class=\"caption\">Red: most, blue: least, "
              "each face by itself.</p>\n");
    for (int i = 0; i < KINDS; i++) {
        const sl_heat *heat = &h->of[order[i]];
        if (!heat->rows)
            continue;
        sl_text_add(page, "<div class=\"trio%s\">\n", i || !h->flow.rows ? " pair" : "");
        SL_TRY(over_face(page, heat, heat->query, told->one->query_crop, words[order[i]][0], err));
        if (!i && h->flow.rows)
            SL_TRY(flow_of(page, told, best, err));
        SL_TRY(over_face(page, heat, heat->other, best, words[order[i]][1], err));
        sl_text_add(page, "</div>\n");
    }
    return SL_OK;
}
