/* The report's lists of facts: where it comes from, by which look and rule it was decided, which photo was asked
 * for. */
#include <math.h>
#include <stdio.h>

#include "base/sha256.h"
#include "explain/report/report.h"
#include "gallery/gallery.h"
#include "match/patch/weighting.h"
#include "pipeline/engine.h"

void sl_report_fact(sl_text *page, const char *name)
{
    sl_text_add(page, "<div><dt>%s</dt><dd>", name);
}

void sl_report_fact_end(sl_text *page)
{
    sl_text_add(page, "</dd></div>\n");
}

/* A text from outside, in code's letters where it is one to be compared by eye. */
static void fact_text(sl_text *page, const char *name, const char *value, bool code)
{
    if (!value || !*value)
        return;
    sl_report_fact(page, name);
    sl_text_add(page, code ? "<code>" : "<bdi>");
    sl_text_add_html(page, value);
    sl_text_add(page, code ? "</code>" : "</bdi>");
    sl_report_fact_end(page);
}

/* ---- where it comes from ---- */

static void tell_model(sl_text *page, const sl_provenance *from, const sl_case *first)
{
    char fingerprint[65];
    if (from->engine) {
        const sl_model_info *model = sl_engine_model(from->engine);
        fact_text(page, "Model", model->name, false);
        fact_text(page, "Model&rsquo;s fingerprint (network, preparation of faces, outputs)",
                  sl_engine_fingerprint(from->engine), true);
        fact_text(page, "SHA-256 of the network&rsquo;s file", model->sha256, true);
        if (sl_engine_encoder(from->engine))
            fact_text(page, "Query encoder, which has a part in the first look where a face is covered",
                      sl_engine_encoder(from->engine), false);
    } else if (first) {
        sl_hex32(first->query->shape.fingerprint, fingerprint);
        fact_text(page, "Model&rsquo;s fingerprint", fingerprint, true);
    }
}

static void tell_gallery(sl_text *page, const sl_gallery *gallery)
{
    sl_gallery_info info;
    char id[17];
    sl_gallery_get_info(gallery, &info);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)sl_gallery_id(gallery));
    sl_report_fact(page, "Gallery");
    sl_report_name(page, sl_gallery_place(gallery));
    sl_text_add(page, ": %zu %s of %zu %s, enrolled with ", info.faces, info.faces == 1 ? "face" : "faces",
                info.labels, info.labels == 1 ? "person" : "people");
    sl_report_name(page, info.model);
    sl_report_fact_end(page);
    fact_text(page, "Gallery&rsquo;s number", id, true);
}

void sl_report_provenance(sl_text *page, const sl_provenance *from, const sl_case *first)
{
    char program[128];
    snprintf(program, sizeof program, "secondlook %s, %s, %s", sl_version(), sl_isa_in_use(), sl_net_backend());
    sl_text_add(
        page, "<section id=\"origin\" aria-labelledby=\"origin-title\">\n<h2 id=\"origin-title\">Where this comes "
              "from</h2>\n<dl class=\"facts\">\n");
    fact_text(page, "Made", from->time, false);
    fact_text(page, "Program", program, false);
    if (first && first->gallery)
        tell_gallery(page, first->gallery);
    tell_model(page, from, first);
    fact_text(page, "Command", from->command, true);
    sl_text_add(page, "</dl>\n</section>\n");
}

void sl_report_photo(sl_text *page, const sl_case *one)
{
    const sl_box *b = &one->query->box;
    char hex[65];
    sl_text_add(page, "<dl class=\"facts\">\n");
    fact_text(page, "Photo", sl_report_query_name(one), false);
    fact_text(page, "SHA-256 of the photo", one->photo_sha256, true);
    if (b->x1 > b->x0 && b->y1 > b->y0) {
        sl_report_fact(page, "Face in the photo (pixels)");
        sl_text_add(page, "from %.0f, %.0f to %.0f, %.0f", (double)b->x0, (double)b->y0, (double)b->x1,
                    (double)b->y1);
        sl_report_fact_end(page);
    }
    if (one->answer->count) {
        const sl_candidate *best = &one->answer->candidates[0];
        fact_text(page, "Best candidate&rsquo;s enrolled photo", best->image, false);
        fact_text(page, "SHA-256 of the enrolled photo", sl_case_photo_sha256(one, best, hex), true);
    }
    sl_text_add(page, "</dl>\n");
}

/* ---- the look and the rule ---- */

static const char *solver_words(sl_solver solver)
{
    switch (solver) {
    case SL_SOLVER_SINKHORN: return "Sinkhorn, as published";
    case SL_SOLVER_CONVERGED: return "Sinkhorn, until it converges";
    case SL_SOLVER_EXACT: return "exact";
    case SL_SOLVER_PUBLISHED: return "Sinkhorn, as published, all candidates stopped together";
    }
    return "";
}

/* What only looks by patches read. */
static void tell_patches(sl_text *page, const sl_match_options *match)
{
    const sl_weighting_kind *weighting = sl_weighting_of(match->weighting);
    sl_report_fact(page, "Patch weights");
    sl_text_add(page, "%s: %s", weighting->name, weighting->words);
    sl_report_fact_end(page);
    sl_report_fact(page, "Patches");
    sl_text_add(page, match->feature == SL_FEATURE_CONTRIBUTIONS
                          ? "what each place gives to the whole face&rsquo;s description (contributions)"
                          : "the network&rsquo;s patch map");
    if (match->grid_rows || match->grid_cols)
        sl_text_add(page, ", on a grid of %d &times; %d", match->grid_rows, match->grid_cols);
    sl_report_fact_end(page);
    if (!(sl_rerank_reads(match->rerank) & SL_READS_SOLVER))
        return;
    sl_report_fact(page, "Solver");
    sl_text_add(page, "%s", solver_words(match->solver));
    sl_report_fact_end(page);
}

static void rule_table(sl_text *page, const sl_rule *rule)
{
    char number[32];
    sl_text_add(
        page,
        "<div class=\"scroll\"><table class=\"rule\">\n<thead><tr><th scope=\"col\">Hidden of the face</th>"
        "<th scope=\"col\">Threshold</th><th scope=\"col\">Where it comes from</th></tr></thead>\n<tbody>\n");
    for (int b = 0; b < rule->bins; b++) {
        sl_text_add(page, "<tr><td>");
        sl_report_bin(page, rule, b);
        sl_text_add(page, "</td><td class=\"number\">%s</td><td>",
                    sl_report_number(number, (double)rule->threshold[b]));
        sl_report_source(page, rule, b);
        sl_text_add(page, "</td></tr>\n");
    }
    sl_text_add(page, "</tbody>\n</table></div>\n");
}

void sl_report_settings(sl_text *page, const sl_case *one)
{
    const sl_match_options *match = &one->answer->match;
    char a[32], b[32];
    sl_text_add(page, "<dl class=\"facts\">\n");
    sl_report_fact(page, "First look");
    sl_text_add(page, "cosine of the two faces&rsquo; descriptions");
    sl_report_fact_end(page);
    sl_report_fact(page, "Second look");
    sl_text_add(page, "%s", sl_look_kind_of(match->rerank)->told);
    if (sl_looks_again(match))
        sl_text_add(page, "; of the %d nearest", match->k);
    sl_report_fact_end(page);
    if (sl_looks_again(match)) {
        sl_report_fact(page, "Score");
        sl_text_add(page, "%s &times; second look + %s &times; first look", sl_fixed(a, (double)match->alpha, 3),
                    sl_fixed(b, 1 - (double)match->alpha, 3));
        sl_report_fact_end(page);
    }
    if (sl_rerank_reads(match->rerank) & SL_READS_PATCHES)
        tell_patches(page, match);
    sl_report_fact(page, "Compared with the threshold");
    sl_text_add(page, one->answer->rule.on_stage1 ? "the first look&rsquo;s similarity" : "the score");
    sl_report_fact_end(page);
    sl_text_add(page, "</dl>\n");
    if (!one->answer->rule.bins)
        return;
    rule_table(page, &one->answer->rule);
    sl_text_add(page, "<p class=\"caption\">");
    sl_report_promise(page, &one->answer->rule);
    sl_text_add(page, "</p>\n");
}
