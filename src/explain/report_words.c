/* What the report says in plain words. A score is a score here, never a probability. */
#include "explain/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *sl_report_query_name(const sl_case *one)
{
    return one->query_name && *one->query_name ? one->query_name : "query without a name";
}

void sl_report_name(sl_text *page, const char *name)
{
    char piece[128];
    sl_text_add(page, "<bdi>");
    while (*name) {
        size_t size = strcspn(name, "_/") + 1;
        size = size < sizeof piece ? size : sizeof piece - 1;
        snprintf(piece, size + 1, "%s", name);
        sl_text_add_html(page, piece);
        name += strlen(piece);
        if (*name && (name[-1] == '_' || name[-1] == '/'))
            sl_text_add(page, "<wbr>");
    }
    sl_text_add(page, "</bdi>");
}

static void strong(sl_text *page, const char *name)
{
    sl_text_add(page, "<strong>");
    sl_report_name(page, name);
    sl_text_add(page, "</strong>");
}

/* How the best candidate came to be first. */
static void tell_order(sl_text *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    const char *best = answer->candidates[0].label;
    int before = sl_case_stage1_rank(one, best);
    if (!sl_case_has_stage2(one)) {
        sl_text_add(page, "The nearest person by the whole face is ");
        strong(page, best);
    } else if (before == 1) {
        sl_text_add(page, "Both looks put ");
        strong(page, best);
        sl_text_add(page, " first");
    } else if (before > 1) {
        sl_text_add(page, "The first look had ");
        strong(page, best);
        sl_text_add(page, " at rank %d, behind ", before);
        sl_report_name(page, answer->stage1_candidates[0].label);
        sl_text_add(page, "; the second look brings ");
        sl_report_name(page, best);
        sl_text_add(page, " to the top");
    } else {
        sl_text_add(page, "The second look brings ");
        strong(page, best);
        sl_text_add(page, " to the top, who was not among the first look&rsquo;s best %zu", answer->stage1_count);
    }
    sl_text_add(page, ". ");
}

static void tell_decision(sl_text *page, const sl_answer *answer)
{
    if (!isfinite(answer->threshold))
        return;
    const sl_candidate *best = &answer->candidates[0];
    char score[16], threshold[16];
    bool match = answer->decision == SL_MATCH;
    sl_text_add(page, "The %s of %s %s the threshold of %s: the answer is %s. ",
                answer->threshold_on_stage1 ? "first-look score" : "score",
                sl_number(score, answer->threshold_on_stage1 ? best->stage1 : best->score),
                match ? "reaches" : "stays below", sl_number(threshold, answer->threshold),
                match ? "a match" : "<em>unknown</em>");
}

static void tell_truth(sl_text *page, const sl_case *one)
{
    if (!one->true_label)
        return;
    const sl_answer *answer = one->answer;
    bool first = answer->count && sl_case_is_right(one, answer->candidates[0].label) == 1;
    if (first && answer->decision == SL_MATCH) {
        sl_text_add(page, "That is right.");
        return;
    }
    sl_text_add(page, first ? "The query does show " : "In truth the query shows ");
    sl_report_name(page, one->true_label);
    for (size_t i = 1; i < answer->count && !first; i++)
        if (sl_case_is_right(one, answer->candidates[i].label) == 1) {
            sl_text_add(page, ", at rank %d here", answer->candidates[i].rank);
            break;
        }
    sl_text_add(page, ".");
}

void sl_report_story(sl_text *page, const sl_case *one)
{
    sl_text_add(page, "<p class=\"story\">");
    if (one->answer->count) {
        tell_order(page, one);
        tell_decision(page, one->answer);
    } else {
        sl_text_add(page, "The gallery had no face to compare with. ");
    }
    tell_truth(page, one);
    sl_text_add(page, "</p>\n");
}

static const char *weighting_words(sl_weighting weighting)
{
    switch (weighting) {
    case SL_WEIGHT_UNIFORM: return "every patch counts the same";
    case SL_WEIGHT_APC: return "a patch counts by how well it fits the other face as a whole";
    case SL_WEIGHT_CC: return "a patch counts by how well it fits the other face&rsquo;s description";
    case SL_WEIGHT_SC: return "a patch counts by its distances from the other face&rsquo;s patches";
    case SL_WEIGHT_SC_TEXT: return "a patch counts by its likeness to the other face&rsquo;s patches";
    case SL_WEIGHT_LMK: return "a patch counts by the facial landmarks in it";
    case SL_WEIGHT_TRUST: return "a patch counts by how far the query is believed there";
    }
    return "";
}

static void fact(sl_text *page, const char *name)
{
    sl_text_add(page, "<div><dt>%s</dt><dd>", name);
}
static void fact_end(sl_text *page)
{
    sl_text_add(page, "</dd></div>\n");
}

static void tell_gallery(sl_text *page, const sl_gallery *gallery)
{
    sl_gallery_info info;
    sl_gallery_get_info(gallery, &info);
    fact(page, "Gallery");
    sl_text_add(page, "%zu %s of %zu %s", info.faces, info.faces == 1 ? "face" : "faces", info.labels,
                info.labels == 1 ? "person" : "people");
    fact_end(page);
    fact(page, "Model");
    sl_text_add_html(page, info.model);
    fact_end(page);
}

void sl_report_settings(sl_text *page, const sl_case *one)
{
    sl_match_options defaults;
    const sl_match_options *match = sl_case_match(one, &defaults);
    char number[16];
    sl_text_add(page, "<dl class=\"facts\">\n");
    if (one->gallery)
        tell_gallery(page, one->gallery);
    fact(page, "First look");
    sl_text_add(page, "cosine of the whole faces");
    fact_end(page);
    fact(page, "Second look");
    if (match->rerank == SL_RERANK_NONE) {
        sl_text_add(page, "none; the flow pictures are drawn all the same");
    } else {
        sl_text_add(page, "%s, for the %d nearest", sl_look_words(match->rerank), match->k);
        if (match->rerank != SL_RERANK_OAE && match->feature == SL_FEATURE_CONTRIBUTIONS)
            sl_text_add(page, "; a patch is what it gives to the whole face&rsquo;s description");
        fact_end(page);
        fact(page, "Score");
        sl_text_add(page, "%s of the second look, ", sl_number(number, match->alpha));
        sl_text_add(page, "%s of the first", sl_number(number, 1 - match->alpha));
    }
    fact_end(page);
    const sl_weighting weighting = match->rerank == SL_RERANK_OAE ? SL_WEIGHT_TRUST : match->weighting;
    fact(page, "Patch weights");
    sl_text_add(page, "%s: %s", sl_weighting_name(weighting), weighting_words(weighting));
    fact_end(page);
    if (match->grid_rows || match->grid_cols) {
        fact(page, "Grid");
        sl_text_add(page, "%d &times; %d", match->grid_rows, match->grid_cols);
        fact_end(page);
    }
    sl_text_add(page, "</dl>\n");
}

void sl_report_how_to_read(sl_text *page)
{
    static const char *const terms[][2] = {
        {"First look",
         "Each face is described by one row of numbers. The first look ranks the people in the gallery by how "
         "well theirs agrees with the query&rsquo;s. It is quick, and it is easily misled when a mask, "
         "sunglasses or a cut edge changes much of the face."},
        {"Second look",
         "The best of the first look are compared again, piece by piece. Both faces are cut into a grid of "
         "patches, and the cheapest way is found to turn one set of patches into the other. Covered parts can "
         "then count less, and an uncovered forehead or eye can count more."},
        {"Flow picture",
         "The query, put together again from pieces of the candidate. At each place stands the candidate&rsquo;s "
         "patch to which most flows there. Bright: much flows. Dark: little flows, this place hardly took "
         "part. When the faces are of one person, the pieces tend to fall where they belong: eyes at the "
         "eyes, mouth at the mouth."},
        {"Heat map",
         "How much each part of a face counted in the second look, red most, blue least. Each map is stretched to "
         "the full range of colours, so colours can not be compared between pictures."},
        {"Score", "What the order is made by; higher is more alike. It is not a probability and not a certainty: "
                  "0.8 does not "
                  "mean that the answer is right in eight of ten cases."},
        {"Threshold",
         "Where the best score stays below it the answer is &ldquo;unknown&rdquo;, and the candidates are shown "
         "only as the nearest there are."},
        {"Frames", "Green with a tick: the person the query is known to show. Red with a cross: somebody else. "
                   "Grey: it is not "
                   "known whom the query shows."},
    };
    sl_text_add(
        page,
        "<section id=\"how\" aria-labelledby=\"how-title\">\n<h2 id=\"how-title\">How to read this page</h2>\n"
        "<dl class=\"terms\">\n");
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        sl_text_add(page, "<div><dt>%s</dt><dd>%s</dd></div>\n", terms[i][0], terms[i][1]);
    sl_text_add(page,
                "</dl>\n<p class=\"care\">These pictures say what the comparison looked at. They do not prove who "
                "somebody is: let a person look before anything is done to a person.</p>\n</section>\n");
}
