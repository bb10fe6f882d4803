/* One case of the report: the answer and how it was decided, why, both looks' best, and every score. */
#include "explain/report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "image/image.h"

enum { SHOWN = 5, BIG = 224, SMALL = 112 };

static size_t shown(size_t count)
{
    return count < SHOWN ? count : SHOWN;
}

/* "right", "wrong" or "open": the frame's class, from which the style takes colour and sign. */
static const char *frame_class(const sl_case *one, const char *label)
{
    int right = sl_case_is_right(one, label);
    return right < 0 ? "open" : right ? "right" : "wrong";
}

static void sign_of(sl_text *page, const sl_case *one, const char *label)
{
    int right = sl_case_is_right(one, label);
    if (right >= 0)
        sl_text_add(page, "<span class=\"sign\" role=\"img\" aria-label=\"%s\">%s</span> ",
                    right ? "the true person" : "another person", right ? "&#10003;" : "&#10007;");
}

/* ------------------------------------------------------------------ the decision */

/* Where a value lies between `low` and `high`, in percent. */
static double at_percent(double value, double low, double high)
{
    return 100 * fmin(fmax((value - low) / (high - low), 0), 1);
}

/* A mark on the scale with its words, which lean to the side where there is room. */
static void scale_mark(sl_text *page, const char *class, double at, const char *words, double value)
{
    char number[32];
    sl_text_add(
        page,
        "<span class=\"%s\" style=\"left:%.2f%%\"></span><span class=\"%s-words%s\" style=\"left:%.2f%%\">%s %s"
        "</span>",
        class, at, class,
        at > 80   ? " left"
        : at < 20 ? " right"
                  : "",
        at, words, sl_report_number(number, value));
}

/* The best candidates' scores on a line, and from where on it is a match. */
static void scale(sl_text *page, const sl_case *one)
{
    const sl_answer *a = one->answer;
    const double best = (double)sl_case_judged(one, &a->candidates[0]), threshold = (double)a->threshold;
    const double low = fmin(0, fmin(best, isfinite(threshold) ? threshold : best)), high = fmax(1, best);
    sl_text_add(page, "<div class=\"scale\">");
    if (isfinite(threshold)) {
        const double at = at_percent(threshold, low, high);
        sl_text_add(page, "<span class=\"beyond\" style=\"left:%.2f%%\"></span>", at);
        scale_mark(page, "limit", at, "threshold", threshold);
    }
    for (size_t i = 1; i < shown(a->count); i++)
        sl_text_add(page, "<span class=\"other\" style=\"left:%.2f%%\"></span>",
                    at_percent((double)sl_case_judged(one, &a->candidates[i]), low, high));
    scale_mark(page, "best", at_percent(best, low, high), a->threshold_on_stage1 ? "similarity" : "score", best);
    sl_text_add(page, "</div>\n");
    if (a->count > 1)
        sl_text_add(
            page,
            "<p class=\"caption\">Full dot: the best candidate. Hollow: the next ones. Shaded: where it is a "
            "match.</p>\n");
}

static sl_status both_faces(sl_text *page, const sl_case *one, const sl_image *best, sl_error *err)
{
    const char *label = one->answer->count ? one->answer->candidates[0].label : NULL;
    sl_text_add(page, "<div class=\"trio pair\">\n<figure class=\"face\">");
    SL_TRY(sl_report_crop(page, one->query_crop, BIG, "the query", err));
    sl_text_add(page, "<figcaption><span class=\"what\">Query</span></figcaption></figure>\n");
    if (label) {
        sl_text_add(page, "<figure class=\"face %s\">", frame_class(one, label));
        SL_TRY(sl_report_crop(page, best, BIG, label, err));
        sl_text_add(page, "<figcaption><span class=\"what\">Best candidate</span> ");
        sl_report_name(page, label);
        sl_text_add(page, "</figcaption></figure>\n");
    }
    sl_text_add(page, "</div>\n");
    return SL_OK;
}

/* ------------------------------------------------------------------ both looks' best */

static void place_before(sl_text *page, const sl_case *one, const sl_candidate *candidate)
{
    int before = sl_case_stage1_rank(one, candidate->label);
    if (!before)
        sl_text_add(page, "<span class=\"move up\">new</span>");
    else if (before > candidate->rank)
        sl_text_add(page, "<span class=\"move up\">&#9650; from %d</span>", before);
    else if (before < candidate->rank)
        sl_text_add(page, "<span class=\"move down\">&#9660; from %d</span>", before);
    else
        sl_text_add(page, "<span class=\"move\">as before</span>");
}

/* What the parts of the query give to this candidate's score, on the scale of the best one's. */
static sl_status shares_of(sl_text *page, const sl_told_case *told, const sl_candidate *candidate, sl_error *err)
{
    const sl_case *one = told->one;
    const float scale = sl_largest_share(told->why.shares, told->why.rows * told->why.cols);
    int width, height;
    sl_attribution why;
    sl_image picture = {0};
    SL_TRY(sl_case_attribute(one, candidate, &why, err));
    sl_tile_size(one->query_crop, SMALL, &width, &height);
    sl_status status = sl_shares_picture(&why, why.query_weights, scale, one->query_crop, width, height, &picture, err);
    sl_attribution_free(&why);
    if (status == SL_OK)
        status =
            sl_report_picture(page, &picture, "what each part of the query gave to this candidate's score", err);
    sl_image_free(&picture);
    return status;
}

static sl_status face_item(sl_text *page, const sl_told_case *told, const sl_candidate *candidate, bool second,
                           sl_error *err)
{
    const sl_case *one = told->one;
    char number[32];
    sl_image crop;
    SL_TRY(sl_case_crop(one, candidate, &crop, err));
    sl_text_add(page, "<li class=\"%s\">", frame_class(one, candidate->label));
    sl_status status = sl_report_crop(page, crop.pixels ? &crop : NULL, SMALL, candidate->label, err);
    sl_image_free(&crop);
    if (second && told->told && status == SL_OK)
        status = shares_of(page, told, candidate, err);
    sl_text_add(page, "<p class=\"who\"><span class=\"rank\">%d</span> ", candidate->rank);
    sign_of(page, one, candidate->label);
    sl_report_name(page, candidate->label);
    sl_text_add(page, "</p><p class=\"how\">%s ",
                sl_report_number(number, (double)(second ? candidate->score : candidate->stage1)));
    if (second)
        place_before(page, one, candidate);
    sl_text_add(page, "</p></li>\n");
    return status;
}

static sl_status both_looks(sl_text *page, const sl_told_case *told, sl_error *err)
{
    const sl_answer *answer = told->one->answer;
    sl_text_add(page, "<h4>First look: nearest by the whole face</h4>\n<ol class=\"faces\">\n");
    for (size_t i = 0; i < shown(answer->stage1_count); i++)
        SL_TRY(face_item(page, told, &answer->stage1_candidates[i], false, err));
    sl_text_add(page, "</ol>\n");
    if (!sl_case_has_stage2(told->one))
        return SL_OK;
    sl_text_add(page, "<h4>After the second look%s</h4>\n<ol class=\"faces\">\n",
                told->told ? ", each above what the query&rsquo;s parts gave to its score" : "");
    for (size_t i = 0; i < shown(answer->count); i++)
        SL_TRY(face_item(page, told, &answer->candidates[i], true, err));
    sl_text_add(page, "</ol>\n");
    return SL_OK;
}

/* ------------------------------------------------------------------ scores */

static void score_table(sl_text *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    char number[32];
    sl_text_add(page,
                "<details open>\n<summary>All scores</summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
                "<th scope=\"col\">Rank</th><th scope=\"col\">Person</th><th scope=\"col\">Photo</th>"
                "<th scope=\"col\">Score</th><th scope=\"col\">First look</th><th scope=\"col\">Second look</th>"
                "<th scope=\"col\">First-look rank</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < answer->count; i++) {
        const sl_candidate *c = &answer->candidates[i];
        int before = sl_case_stage1_rank(one, c->label);
        sl_text_add(page, "<tr><td>%d</td><td class=\"%s\">", c->rank, frame_class(one, c->label));
        sign_of(page, one, c->label);
        sl_report_name(page, c->label);
        sl_text_add(page, "</td><td>");
        sl_report_name(page, c->image ? c->image : "");
        sl_text_add(page, "</td><td>%s</td>", sl_report_number(number, (double)c->score));
        sl_text_add(page, "<td>%s</td>", sl_report_number(number, (double)c->stage1));
        sl_text_add(page, "<td>%s</td>", sl_report_number(number, (double)c->stage2));
        if (before)
            sl_text_add(page, "<td>%d</td></tr>\n", before);
        else
            sl_text_add(page, "<td>below %zu</td></tr>\n", answer->stage1_count);
    }
    sl_text_add(page, "</tbody>\n</table></div>\n</details>\n");
}

/* ------------------------------------------------------------------ the section */

static void case_head(sl_text *page, const sl_case *one, size_t number, size_t count)
{
    bool match = one->answer->decision == SL_MATCH && one->answer->count;
    sl_text_add(page,
                "<article class=\"case\" id=\"case-%zu\" aria-labelledby=\"case-%zu-title\">\n"
                "<p class=\"eyebrow\">Case %zu of %zu</p>\n<h3 id=\"case-%zu-title\">",
                number, number, number, count, number);
    sl_report_name(page, sl_report_query_name(one));
    sl_text_add(page, "</h3>\n<p class=\"verdict\"><span class=\"badge %s\">%s</span> ",
                match ? "match" : "unknown", sl_report_decision(one->answer));
    if (match)
        sl_report_name(page, one->answer->candidates[0].label);
    sl_text_add(page, "</p>\n");
    sl_report_story(page, one);
}

static sl_status candidates_part(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err)
{
    scale(page, told->one);
    SL_TRY(both_faces(page, told->one, best, err));
    SL_TRY(sl_report_why(page, told, best, err));
    SL_TRY(sl_report_heats(page, told, best, err));
    SL_TRY(sl_report_cells(page, told, err));
    SL_TRY(both_looks(page, told, err));
    score_table(page, told->one);
    return SL_OK;
}

sl_status sl_report_case(sl_text *page, const sl_told_case *told, size_t count, bool settings, sl_error *err)
{
    const sl_case *one = told->one;
    sl_status status;
    case_head(page, one, told->number, count);
    if (settings)
        sl_report_settings(page, one);
    if (one->answer->count) {
        sl_image best;
        SL_TRY(sl_case_crop(one, &one->answer->candidates[0], &best, err));
        status = candidates_part(page, told, best.pixels ? &best : NULL, err);
        sl_image_free(&best);
    } else {
        status = both_faces(page, one, NULL, err);
    }
    sl_report_photo(page, one);
    sl_text_add(page, "<p class=\"back\"><a href=\"#summary\">Back to all cases</a></p>\n</article>\n");
    return status;
}
