/* What the report says in plain words. A score is a score here, never a probability. */
#include "explain/report/report.h"

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

const char *sl_report_number(char text[32], double value)
{
    return isfinite(value) ? sl_fixed(text, value, 4) : strcpy(text, "-");
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

static void tell_decision(sl_text *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    char value[32], threshold[32];
    if (answer->threshold_on_stage1)
        sl_text_add(page, "%s",
                    sl_case_has_stage2(one)
                        ? "The first look decides, as nobody has measured what this second look&rsquo;s score "
                          "means: its similarity of "
                        : "The similarity of ");
    else
        sl_text_add(page, sl_case_has_stage2(one) ? "The second look decides: the score of " : "The score of ");
    sl_text_add(page, "%s ", sl_report_number(value, (double)sl_case_judged(one, answer->candidates)));
    if (!isfinite(answer->threshold)) {
        sl_text_add(page, "cannot be judged, as no threshold is known for it: the answer is <em>unknown</em>. ");
        return;
    }
    static const char *const answers[] = {[SL_UNKNOWN] = "<em>unknown</em>", [SL_MATCH] = "a match",
                                          [SL_TOO_LITTLE] = "that too little of the face is visible to tell"};
    sl_text_add(page, "%s the threshold of %s: the answer is %s. ",
                answer->decision == SL_MATCH ? "reaches" : "stays below",
                sl_report_number(threshold, (double)answer->threshold), answers[answer->decision]);
}

const char *sl_report_decision(const sl_answer *answer)
{
    static const char *const badges[] = {[SL_UNKNOWN] = "Unknown", [SL_MATCH] = "Match",
                                         [SL_TOO_LITTLE] = "Too little visible"};
    return badges[answer->decision];
}

/* ---- the rule ---- */

static void percent(sl_text *page, double part)
{
    sl_text_add(page, "%.0f", 100 * part);
}

void sl_report_bin(sl_text *page, const sl_rule *rule, int bin)
{
    const bool last = bin == rule->bins - 1;
    if (rule->bins == 1) {
        sl_text_add(page, "any part");
        return;
    }
    percent(page, bin ? (double)rule->hidden_to[bin - 1] : 0);
    if (last) {
        sl_text_add(page, " %% or more");
        return;
    }
    sl_text_add(page, " to ");
    percent(page, (double)rule->hidden_to[bin]);
    sl_text_add(page, " %%");
}

/* "of 100 .., 1": a rate as people count. */
static void people_of_rate(sl_text *page, double rate, const char *whom, const char *verb)
{
    char many[32], few[32];
    double of = rate >= .005 ? 100 : pow(10, ceil(-log10(rate) - 1e-9));
    double hits = rate * of;
    sl_text_add(page, "of %s %s, %s %s", sl_fixed(many, of, 0), whom,
                sl_fixed(few, hits, fabs(hits - round(hits)) < 1e-6 ? 0 : 1), verb);
}

void sl_report_promise(sl_text *page, const sl_rule *rule)
{
    const char *alike = rule->bins > 1 ? " and hide as much of their face" : "";
    char whom[160];
    switch (rule->promise) {
    case SL_RATE_FPIR:
        snprintf(whom, sizeof whom, "people who are not in this gallery of %zu %s%s", rule->faces,
                 rule->faces == 1 ? "face" : "faces", alike);
        sl_text_add(page, "What it promises: ");
        people_of_rate(page, rule->rate, whom, "would be taken for somebody in it");
        break;
    case SL_RATE_FMR:
        snprintf(whom, sizeof whom, "pairs of different people%s",
                 rule->bins > 1 ? " who hide as much of their face" : "");
        sl_text_add(page, "What it promises: ");
        people_of_rate(page, rule->rate, whom, "would be taken for one person");
        break;
    case SL_RATE_NONE: sl_text_add(page, "It promises nothing about strangers"); break;
    }
    sl_text_add(page, ". ");
}

void sl_report_source(sl_text *page, const sl_rule *rule, int bin)
{
    switch (rule->source[bin]) {
    case SL_RULE_CALIBRATION: sl_text_add(page, "measured on this gallery (its calibration)"); break;
    case SL_RULE_BUILT_IN:
        sl_text_add(page, rule->promise == SL_RATE_NONE ? "stands in the model&rsquo;s description"
                                                           : "from the model&rsquo;s rates, measured on other people");
        break;
    case SL_RULE_GIVEN: sl_text_add(page, "given by hand"); break;
    case SL_RULE_MISSING: sl_text_add(page, "not known"); break;
    }
    if (rule->extrapolated[bin])
        sl_text_add(page, ", carried on beyond what was measured, to the strict side");
}

/* Whose threshold it is, and what it promises. */
static void tell_rule(sl_text *page, const sl_answer *answer)
{
    const sl_rule *rule = &answer->rule;
    if (!rule->bins || !isfinite(answer->threshold))
        return;
    if (rule->bins > 1 && isfinite(answer->hidden)) {
        percent(page, (double)answer->hidden);
        sl_text_add(page, " %% of the face is hidden: it is judged among faces of which ");
        sl_report_bin(page, rule, answer->bin);
        sl_text_add(page, " is hidden. ");
    } else if (rule->bins > 1) {
        sl_text_add(page, "How much of the face is hidden is not known: it is judged among the most hidden ones. ");
    }
    sl_report_promise(page, rule);
    sl_text_add(page, "The threshold is ");
    sl_report_source(page, rule, answer->bin);
    sl_text_add(page, ". ");
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
        tell_decision(page, one);
        sl_text_add(page, "</p>\n<p class=\"story\">");
        tell_rule(page, one->answer);
    } else {
        sl_text_add(page, "The gallery had no face to compare with. ");
    }
    tell_truth(page, one);
    sl_text_add(page, "</p>\n");
}

/* ---- how to read the page ---- */

typedef struct {
    bool again, by_trust, moves, bins; /* which looks there are on the page */
} page_looks;

static page_looks looks_of(const sl_told_case *cases, size_t count)
{
    page_looks l = {0};
    for (size_t i = 0; i < count; i++) {
        const sl_answer *a = cases[i].one->answer;
        l.again |= sl_looks_again(&a->match);
        l.by_trust |= sl_look_is_by_trust(a->match.rerank);
        l.moves |= sl_look_moves_patches(a->match.rerank);
        l.bins |= a->rule.bins > 1;
    }
    return l;
}

static void term(sl_text *page, bool wanted, const char *name, const char *meaning)
{
    if (wanted)
        sl_text_add(page, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, meaning);
}

void sl_report_how_to_read(sl_text *page, const sl_told_case *cases, size_t count)
{
    const page_looks l = looks_of(cases, count);
    sl_text_add(page, "<section id=\"how\" aria-labelledby=\"how-title\">\n<h2 id=\"how-title\">How to read this "
                      "page</h2>\n<dl class=\"terms\">\n");
    term(page, true, "First look",
         "Each face is described by one row of numbers. The first look ranks the people in the gallery by how well "
         "theirs agrees with the query&rsquo;s (the cosine). It is quick, and it is easily misled when a mask, "
         "sunglasses or a cut edge changes much of the face.");
    term(page, l.by_trust, "Second look (occlusion-aware)",
         "The face is cut into a grid of cells. A cell that does not look like ordinary skin, eyes, nose or mouth in "
         "its place is taken as hidden and left out, of both faces. From the cells that are left both faces are "
         "described again, and these new rows of numbers are compared.");
    term(page, l.moves, "Second look (by patches)",
         "Both faces are cut into a grid of patches, and patches are compared with patches, each with its weight.");
    term(page, l.moves, "Flow picture",
         "The query, put together again from pieces of the candidate. At each place stands the candidate&rsquo;s patch "
         "to which most flows there. Bright: much flows. Dark: little flows, this place hardly took part.");
    term(page, true, "Colours on a face",
         "What each part of the face gives to this score. Blue speaks for this candidate, orange against; without "
         "colour it gives nothing; dark was hidden or counted little. All colours of a case have one scale, that of "
         "its best candidate. The parts, and what belongs to no part, add up to the score.");
    term(page, true, "Score", "What the order is made by; higher is more alike. It is not a probability: 0.8 does not "
                              "mean that the answer is right in eight of ten cases.");
    term(page, true, "Threshold", "Where the score stays below it the answer is &ldquo;unknown&rdquo;, and the "
                                  "candidates are shown only as the nearest there are.");
    term(page, l.bins, "How much is hidden",
         "The more of a face is hidden, the more alike strangers look. So a face is judged by the threshold for faces "
         "of which about as much is hidden.");
    term(page, true, "Does the explanation hold?",
         "Parts of the face are hidden one after the other and the score is taken again, first the parts that were "
         "called important, then parts in random orders. The area under a curve is its mean height. When the important "
         "parts are hidden the score should fall sooner than by chance (a smaller area); when they alone are shown it "
         "should rise sooner (a larger one).");
    term(page, true, "Frames", "Green with a tick: the person the query is known to show. Red with a cross: somebody "
                               "else. Grey: it is not known whom the query shows.");
    sl_text_add(page, "</dl>\n<p class=\"care\">This page says how the comparison came to its answer. It does not "
                      "prove who somebody is: let a person look before anything is done to a "
                      "person.</p>\n</section>\n");
}
