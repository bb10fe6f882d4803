/* The report: one HTML file with everything in it. */
#include "explain/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { THUMB = 64 };

static bool same_settings(const sl_case *a, const sl_case *b)
{
    sl_match_options da, db;
    const sl_match_options *x = sl_case_match(a, &da), *y = sl_case_match(b, &db);
    return a->gallery == b->gallery && x->rerank == y->rerank && x->feature == y->feature &&
           x->weighting == y->weighting && x->k == y->k && x->alpha == y->alpha &&
           x->grid_rows == y->grid_rows && x->grid_cols == y->grid_cols;
}

static void page_head(sl_text *page, const char *title)
{
    sl_text_add(page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                      "style-src 'unsafe-inline'\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    sl_text_add_html(page, title);
    sl_text_add(page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", sl_report_css);
}

/* How often the true person came first, where it is known who that is. */
static void tell_truth(sl_text *page, const sl_case *cases, size_t count)
{
    size_t known = 0, by_first = 0, by_both = 0;
    for (size_t i = 0; i < count; i++) {
        const sl_answer *answer = cases[i].answer;
        known += cases[i].true_label != NULL;
        by_first += answer->stage1_count && sl_case_is_right(&cases[i], answer->stage1_candidates[0].label) == 1;
        by_both += answer->count && sl_case_is_right(&cases[i], answer->candidates[0].label) == 1;
    }
    if (known)
        sl_text_add(page,
                    "<p>Of the %zu whose name is known, the true person came first for %zu by the first look "
                    "alone and for "
                    "%zu in the end.</p>\n",
                    known, by_first, by_both);
}

/* What was asked, and what came of it in one sentence. */
static void introduction(sl_text *page, const char *title, const sl_case *cases, size_t count, bool same)
{
    size_t matches = 0;
    for (size_t i = 0; i < count; i++)
        matches += cases[i].answer->decision == SL_MATCH && cases[i].answer->count;
    sl_text_add(page, "<header class=\"top\">\n<p class=\"eyebrow\">secondlook report</p>\n<h1><bdi>");
    sl_text_add_html(page, title);
    sl_text_add(page, "</bdi></h1>\n<p class=\"lead\">");
    if (count)
        sl_text_add(page, "%zu %s looked up: %zu with a match, %zu unknown.", count,
                    count == 1 ? "face was" : "faces were", matches, count - matches);
    else
        sl_text_add(page, "No face was looked up.");
    sl_text_add(page, "</p>\n");
    tell_truth(page, cases, count);
    if (count && same)
        sl_report_settings(page, &cases[0]);
    else if (count)
        sl_text_add(page, "<p>The cases were asked with different settings: they stand with each case.</p>\n");
    sl_text_add(
        page,
        "<nav aria-label=\"On this page\"><a href=\"#summary\">All cases</a> <a href=\"#cases\">One by one</a> "
        "<a href=\"#how\">How to read this page</a></nav>\n</header>\n");
}

static void summary_truth(sl_text *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    if (!one->true_label) {
        sl_text_add(page, "<td role=\"cell\" data-label=\"In truth\">not known</td>");
        return;
    }
    bool first = answer->count && sl_case_is_right(one, answer->candidates[0].label) == 1;
    sl_text_add(page,
                "<td role=\"cell\" data-label=\"In truth\" class=\"%s\"><span><span class=\"sign\" role=\"img\" "
                "aria-label=\"%s\">%s</span> ",
                first ? "right" : "wrong", first ? "found first" : "not first", first ? "&#10003;" : "&#10007;");
    sl_report_name(page, one->true_label);
    sl_text_add(page, "</span></td>");
}

static sl_status summary_row(sl_text *page, const sl_case *one, size_t number, bool truth, sl_error *err)
{
    const sl_answer *answer = one->answer;
    bool match = answer->decision == SL_MATCH && answer->count;
    char score[16];
    sl_text_add(page, "<tr role=\"row\"><td role=\"cell\" class=\"thumb\">");
    SL_TRY(sl_report_crop(page, one->query_crop, THUMB, "", err));
    sl_text_add(page, "</td><td role=\"cell\"><a href=\"#case-%zu\">", number);
    sl_report_name(page, sl_report_query_name(one));
    sl_text_add(page, "</a></td><td role=\"cell\"><span class=\"badge %s\">%s</span></td>",
                match ? "match" : "unknown", match ? "Match" : "Unknown");
    if (answer->count) {
        const sl_candidate *best = &answer->candidates[0];
        int before = sl_case_stage1_rank(one, best->label);
        sl_text_add(page, "<td role=\"cell\" data-label=\"Person\">%s<span>",
                    match ? "" : "<span class=\"soft\">nearest:</span> ");
        sl_report_name(page, best->label);
        sl_text_add(page,
                    "</span></td><td role=\"cell\" data-label=\"Score\" class=\"number\">%s</td>"
                    "<td role=\"cell\" data-label=\"Rank\" class=\"number\">",
                    sl_number(score, best->score));
        if (before)
            sl_text_add(page, "%d", before);
        else
            sl_text_add(page, "below %zu", answer->stage1_count);
        sl_text_add(page, sl_case_has_stage2(one) ? " &rarr; 1</td>" : "</td>");
    } else {
        sl_text_add(page, "<td role=\"cell\">nobody enrolled</td><td role=\"cell\"></td><td role=\"cell\"></td>");
    }
    if (truth)
        summary_truth(page, one);
    sl_text_add(page, "</tr>\n");
    return SL_OK;
}

static sl_status summary(sl_text *page, const sl_case *cases, size_t count, sl_error *err)
{
    bool truth = false;
    for (size_t i = 0; i < count; i++)
        truth |= cases[i].true_label != NULL;
    sl_text_add(
        page,
        "<section id=\"summary\" aria-labelledby=\"summary-title\">\n<h2 id=\"summary-title\">All cases</h2>\n"
        "<div class=\"scroll\"><table class=\"cases\" role=\"table\">\n<thead><tr role=\"row\"><th "
        "scope=\"col\"><span class=\"hidden\">Picture</span></th>"
        "<th scope=\"col\">Query</th><th scope=\"col\">Answer</th><th scope=\"col\">Person</th>"
        "<th scope=\"col\">Score</th><th scope=\"col\">Rank, first &rarr; second look</th>%s</tr></thead>\n"
        "<tbody>\n",
        truth ? "<th scope=\"col\">In truth</th>" : "");
    for (size_t i = 0; i < count; i++)
        SL_TRY(summary_row(page, &cases[i], i + 1, truth, err));
    sl_text_add(page, "</tbody>\n</table></div>\n</section>\n");
    return SL_OK;
}

static sl_status write_page(sl_text *page, const char *title, const sl_case *cases, size_t count, sl_error *err)
{
    bool same = true;
    for (size_t i = 1; i < count && same; i++)
        same = same_settings(&cases[0], &cases[i]);
    page_head(page, title);
    introduction(page, title, cases, count, same);
    sl_text_add(page, "<main>\n");
    SL_TRY(summary(page, cases, count, err));
    sl_text_add(
        page, "<section id=\"cases\" aria-labelledby=\"cases-title\">\n<h2 id=\"cases-title\">One by one</h2>\n");
    for (size_t i = 0; i < count && !page->failed; i++)
        SL_TRY(sl_report_case(page, &cases[i], i + 1, count, !same, err));
    sl_text_add(page, "</section>\n");
    sl_report_how_to_read(page);
    sl_text_add(
        page,
        "</main>\n<footer><p>Made by secondlook %s. This page holds its pictures itself and asks nothing of the "
        "network.</p></footer>\n</body>\n</html>\n",
        sl_version());
    return page->failed ? sl_fail(err, SL_ERR_MEMORY,
                                  "no memory for a report of %zu cases: write several smaller ones", count)
                        : SL_OK;
}

sl_status sl_write_report(const char *path, const char *title, const sl_case *cases, size_t count, sl_error *err)
{
    if (!path || !*path)
        return sl_fail(err, SL_ERR_ARGUMENT, "a report needs a file name");
    if (count && !cases)
        return sl_fail(err, SL_ERR_ARGUMENT, "a report of %zu cases was asked for without them", count);
    for (size_t i = 0; i < count; i++)
        if (sl_case_check(&cases[i], err) != SL_OK)
            return sl_fail_in(err, SL_ERR_ARGUMENT, "case %zu", i + 1);
    sl_text page = {0};
    sl_status status = write_page(&page, title && *title ? title : "Who is this?", cases, count, err);
    if (status == SL_OK)
        status = sl_write_file(path, page.data, page.size, err);
    free(page.data);
    return status;
}
