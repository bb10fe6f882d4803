/* The report: one HTML file with everything in it. */
#include "explain/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/threads.h"

enum { THUMB = 64 };

static bool same_rule(const sl_rule *a, const sl_rule *b)
{
    if (a->on_stage1 != b->on_stage1 || a->bins != b->bins || a->promise != b->promise || a->rate != b->rate ||
        a->faces != b->faces)
        return false;
    for (int i = 0; i < a->bins; i++)
        if (a->hidden_to[i] != b->hidden_to[i] || a->source[i] != b->source[i] ||
            a->extrapolated[i] != b->extrapolated[i] ||
            memcmp(&a->threshold[i], &b->threshold[i], sizeof a->threshold[i]) != 0)
            return false;
    return true;
}

static bool same_settings(const sl_case *a, const sl_case *b)
{
    const sl_match_options *x = &a->answer->match, *y = &b->answer->match;
    return a->gallery == b->gallery && x->rerank == y->rerank && x->feature == y->feature &&
           x->weighting == y->weighting && x->solver == y->solver && x->k == y->k && x->alpha == y->alpha &&
           x->grid_rows == y->grid_rows && x->grid_cols == y->grid_cols &&
           same_rule(&a->answer->rule, &b->answer->rule);
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
static void introduction(sl_text *page, const char *title, const sl_provenance *from, const sl_case *cases,
                         size_t count)
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
    if (from->time) {
        sl_text_add(page, "<p class=\"soft\">Made ");
        sl_text_add_html(page, from->time);
        sl_text_add(page, "</p>\n");
    }
    sl_text_add(page, "<nav aria-label=\"On this page\"><a href=\"#summary\">All cases</a> <a href=\"#rule\">How a "
                      "score is judged</a> <a href=\"#cases\">One by one</a> <a href=\"#how\">How to read this "
                      "page</a> <a href=\"#origin\">Where this comes from</a> <a href=\"#check\">How to check "
                      "it</a></nav>\n"
                      "</header>\n");
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
    char score[32];
    sl_text_add(page, "<tr role=\"row\"><td role=\"cell\" class=\"thumb\">");
    SL_TRY(sl_report_crop(page, one->query_crop, THUMB, "", err));
    sl_text_add(page, "</td><td role=\"cell\"><a href=\"#case-%zu\">", number);
    sl_report_name(page, sl_report_query_name(one));
    sl_text_add(page, "</a></td><td role=\"cell\"><span class=\"badge %s\">%s</span></td>",
                match ? "match" : "unknown", sl_report_decision(answer));
    if (answer->count) {
        const sl_candidate *best = &answer->candidates[0];
        int before = sl_case_stage1_rank(one, best->label);
        sl_text_add(page, "<td role=\"cell\" data-label=\"Person\">%s<span>",
                    match ? "" : "<span class=\"soft\">nearest:</span> ");
        sl_report_name(page, best->label);
        sl_text_add(page,
                    "</span></td><td role=\"cell\" data-label=\"Score\" class=\"number\">%s</td>"
                    "<td role=\"cell\" data-label=\"Rank\" class=\"number\">",
                    sl_report_number(score, (double)sl_case_judged(one, best)));
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

/* The look and the rule, where all cases were decided by the same. */
static void judgement(sl_text *page, const sl_case *cases, bool same)
{
    sl_text_add(page, "<section id=\"rule\" aria-labelledby=\"rule-title\">\n<h2 id=\"rule-title\">How a score is "
                      "judged</h2>\n");
    if (same)
        sl_report_settings(page, &cases[0]);
    else
        sl_text_add(page, "<p>The cases were asked with different settings: they stand with each case.</p>\n");
    sl_text_add(page, "</section>\n");
}

/* All that is above the data. */
static sl_status write_page(sl_text *page, const char *title, const sl_provenance *from, const sl_case *cases,
                            const sl_told_case *told, size_t count, sl_error *err)
{
    bool same = true;
    for (size_t i = 1; i < count && same; i++)
        same = same_settings(&cases[0], &cases[i]);
    page_head(page, title);
    introduction(page, title, from, cases, count);
    sl_text_add(page, "<main>\n");
    SL_TRY(summary(page, cases, count, err));
    if (count)
        judgement(page, cases, same);
    sl_text_add(
        page, "<section id=\"cases\" aria-labelledby=\"cases-title\">\n<h2 id=\"cases-title\">One by one</h2>\n");
    for (size_t i = 0; i < count && !page->failed; i++)
        SL_TRY(sl_report_case(page, &told[i], count, !same, err));
    sl_text_add(page, "</section>\n");
    sl_report_how_to_read(page, told, count);
    sl_report_provenance(page, from, count ? &cases[0] : NULL);
    sl_text_add(page, "</main>\n");
    return SL_OK;
}

/* The data with their digest, which is the report's: they hold that of the page above them. */
static sl_status write_data(sl_text *page, const char *title, const sl_provenance *from, const sl_told_case *told,
                            size_t count, char digest[65], sl_error *err)
{
    char above[65], *line;
    if (page->failed)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a report of %zu cases: write several smaller ones", count);
    sl_sha256_hex(page->data, page->size, above);
    SL_TRY(sl_report_data(from, title, told, count, above, &line, err));
    sl_text_add(page, "<script type=\"application/json\" id=\"data\">\n");
    const size_t start = page->size;
    sl_text_add(page, "%s\n", line);
    free(line);
    if (!page->failed)
        sl_sha256_hex(page->data + start, page->size - start, digest);
    sl_text_add(page, "</script>\n");
    return SL_OK;
}

static void foot(sl_text *page, const char *digest)
{
    sl_text_add(page,
                "<footer id=\"check\"><h2>How to check this page</h2>\n<p>SHA-256 of the data of this report:</p>\n"
                "<p><code class=\"digest\">%s</code></p>\n"
                "<p>The page carries its data: one line of JSON that holds every figure shown here and the numbers "
                "that it is made of, and the SHA-256 of the page above that line, pictures and words included. These "
                "two commands must print the digest above, and the <code>page_sha256</code> of the data:</p>\n"
                "<pre><code>sed -n '/id=&quot;data&quot;&gt;$/{n;p;}' report.html | sha256sum\n"
                "sed '/id=&quot;data&quot;&gt;$/,$d' report.html | sha256sum</code></pre>\n"
                "<p>The digest shows that nothing was changed since it was noted down. Whoever changes the page can "
                "make a new one: so keep it somewhere else than the page.</p>\n"
                "<p>Made by secondlook %s. This page holds its pictures itself, runs nothing and asks nothing of the "
                "network.</p></footer>\n</body>\n</html>\n",
                digest, sl_version());
}

/* ------------------------------------------------------------------ working the cases out */

typedef struct {
    sl_told_case *told;
    sl_error *errors;
} working_out;

/* The answer's own score stands on the page: what it differs by from that of the stored templates rests. */
static void keep_score(sl_attribution *why, const sl_candidate *best)
{
    why->rest += best->score - why->score.score;
    why->rest1 += best->stage1 - why->score.stage1;
    if (isfinite(best->stage2))
        why->rest2 += best->stage2 - why->score.stage2;
    why->score = (sl_score){.score = best->score, .stage1 = best->stage1, .stage2 = best->stage2};
}

/* A look that cannot be had again for this pair (its cells were closed, say) is not told by cell. */
static bool is_untold(sl_status status)
{
    return status == SL_ERR_ARGUMENT || status == SL_ERR_UNSUPPORTED || status == SL_ERR_NUMERIC;
}

static sl_status work_out(sl_told_case *told, sl_error *err)
{
    const sl_case *one = told->one;
    sl_template *other;
    if (!one->answer->count)
        return SL_OK;
    SL_TRY(sl_gallery_template(one->gallery, one->answer->candidates[0].entry, &other, err));
    sl_status status = sl_attribute(one->query, other, &one->answer->match, &told->why, err);
    told->told = status == SL_OK && told->why.rows;
    status = is_untold(status) ? SL_OK : status;
    keep_score(&told->why, &one->answer->candidates[0]);
    if (status == SL_OK) {
        status = sl_report_lay_open(one, other, &told->heats, err);
        status = is_untold(status) ? SL_OK : status;
    }
    const float *relevance = told->heats.of[SL_HEAT_RELEVANCE].query, *shares = told->told ? told->why.shares : NULL;
    if (status == SL_OK && (relevance || shares))
        status = sl_hide_cells(one->query, other, &one->answer->match, relevance ? relevance : shares, SL_REPORT_SEED,
                               &told->hiding, err);
    sl_template_free(other);
    return status;
}

static void work_out_item(void *context, size_t item, int worker)
{
    const working_out *w = context;
    (void)worker;
    w->errors[item].status = work_out(&w->told[item], &w->errors[item]);
}

/* Every case on its own, so threads share them. */
static sl_status work_all_out(const sl_case *cases, size_t count, sl_told_case *told, sl_error *err)
{
    working_out w = {.told = told, .errors = calloc(count + 1, sizeof *w.errors)};
    sl_status status = SL_OK;
    if (!w.errors)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a report of %zu cases", count);
    for (size_t i = 0; i < count; i++)
        told[i] = (sl_told_case){.one = &cases[i], .number = i + 1};
    sl_parallel_for(sl_cpu_count(), count, work_out_item, &w);
    for (size_t i = 0; i < count && status == SL_OK; i++)
        if (w.errors[i].status != SL_OK)
            status = sl_fail(err, w.errors[i].status, "case %zu: %s", i + 1, w.errors[i].text);
    free(w.errors);
    return status;
}

static sl_status check(const char *path, const sl_case *cases, size_t count, sl_error *err)
{
    if (!path || !*path)
        return sl_fail(err, SL_ERR_ARGUMENT, "a report needs a file name");
    if (count && !cases)
        return sl_fail(err, SL_ERR_ARGUMENT, "a report of %zu cases was asked for without them", count);
    for (size_t i = 0; i < count; i++)
        if (sl_case_check(&cases[i], err) != SL_OK)
            return sl_fail_in(err, SL_ERR_ARGUMENT, "case %zu", i + 1);
    return SL_OK;
}

sl_status sl_write_report(const char *path, const char *title, const sl_provenance *provenance, const sl_case *cases,
                          size_t count, char sha256[65], sl_error *err)
{
    const sl_provenance nothing = {0}, *from = provenance ? provenance : &nothing;
    char digest[65] = "";
    sl_text page = {0};
    if (sha256)
        *sha256 = 0;
    SL_TRY(check(path, cases, count, err));
    title = title && *title ? title : "Who is this?";
    sl_told_case *told = calloc(count + 1, sizeof *told);
    sl_status status = told ? work_all_out(cases, count, told, err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory for a report of %zu cases", count);
    if (status == SL_OK)
        status = write_page(&page, title, from, cases, told, count, err);
    if (status == SL_OK)
        status = write_data(&page, title, from, told, count, digest, err);
    foot(&page, digest);
    if (status == SL_OK && page.failed)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a report of %zu cases: write several smaller ones", count);
    if (status == SL_OK)
        status = sl_write_file(path, page.data, page.size, err);
    if (status == SL_OK && sha256)
        memcpy(sha256, digest, sizeof digest);
    for (size_t i = 0; told && i < count; i++) {
        sl_attribution_free(&told[i].why);
        sl_told_heats_free(&told[i].heats);
        sl_hiding_free(&told[i].hiding);
    }
    free(told);
    free(page.data);
    return status;
}
