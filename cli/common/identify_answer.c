#include "common/identify_answer.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/output.h"
#include "common/printer.h"
#include "common/rule_options.h"

/* ---- ties ---- */

/* Scores that differ by less say nothing about who of the two it is. */
static const float tie = .01f;

static float judged(const sl_answer *a, size_t i)
{
    return a->threshold_on_stage1 ? a->candidates[i].stage1 : a->candidates[i].score;
}

/* Does a second person match, too, by about the same score? */
static bool is_tie(const sl_answer *a)
{
    return a->decision == SL_MATCH && a->count > 1 && judged(a, 1) >= a->threshold && judged(a, 0) - judged(a, 1) < tie;
}

/* ---- JSON ---- */

static json_t *candidate_json(const sl_candidate *c)
{
    return json_pack("{s:i,s:o,s:o,s:o,s:o,s:o}", "rank", c->rank, "label", cli_json_text(c->label), "image",
                     cli_json_text(c->image), "score", cli_json_number(c->score), "stage1",
                     cli_json_number(c->stage1), "stage2", cli_json_number(c->stage2));
}

json_t *cli_answer_json(const cli_face *face, const sl_answer *answer)
{
    json_t *candidates = json_array();
    for (size_t i = 0; i < answer->count; i++)
        json_array_append_new(candidates, candidate_json(&answer->candidates[i]));
    json_t *object = json_pack("{s:o,s:s}", "box", cli_json_box(&face->box), "decision",
                               sl_decision_name(answer->decision));
    cli_add_judgement(object, &answer->rule, answer->hidden);
    json_object_set_new(object, "pairs", json_integer((json_int_t)answer->pairs));
    if (answer->unsearched)
        json_object_set_new(object, "unsearched", json_integer((json_int_t)answer->unsearched));
    json_object_set_new(object, "tie", json_boolean(is_tie(answer)));
    json_object_set_new(object, "solver_calls", json_integer((json_int_t)answer->solver_calls));
    json_object_set_new(object, "candidates", candidates);
    return object;
}

/* ---- text ---- */

static void print_stage2(float stage2)
{
    if (isnan(stage2))
        printf("  %7s", "-");
    else
        printf("  %7.4f", stage2);
}

void cli_print_answer(const cli_face *face, size_t index, size_t count, const sl_answer *answer)
{
    static const char *const told[] = {[SL_UNKNOWN] = "unknown", [SL_MATCH] = "match: ",
                                       [SL_TOO_LITTLE] = "unknown: too little of the face is visible"};
    const sl_candidate *best = answer->count ? answer->candidates : NULL;
    int width = 6;
    if (count > 1)
        printf("  face %zu of %zu at %.0f,%.0f %.0f x %.0f\n", index + 1, count, face->box.x0, face->box.y0,
               face->box.x1 - face->box.x0, face->box.y1 - face->box.y0);
    printf("  %s", told[answer->decision]);
    if (answer->decision == SL_MATCH)
        cli_print_name(stdout, best->label, 0);
    if (best) {
        float compared = answer->threshold_on_stage1 ? best->stage1 : best->score;
        printf("  (best %s %.4f", answer->threshold_on_stage1 ? "stage 1" : "score", compared);
        cli_print_judgement(&answer->rule, compared, answer->hidden);
        puts(")");
    } else {
        puts("  (the gallery is empty)");
        return;
    }
    if (is_tie(answer)) {
        fputs("  a tie: as much like ", stdout);
        cli_print_name(stdout, answer->candidates[1].label, 0);
        puts("; 'secondlook gallery duplicates' tells who may be one person");
    }
    if (answer->unsearched)
        printf("  (%zu faces were not searched: their shard does not answer)\n", answer->unsearched);
    for (size_t i = 0; i < answer->count; i++) {
        int w = cli_name_width(answer->candidates[i].label);
        width = w > width ? w : width;
    }
    width = width < CLI_CELL_MAX ? width : CLI_CELL_MAX;
    printf("    rank  %-*s    score  stage 1  stage 2  enrolled photo\n", width, "person");
    for (size_t i = 0; i < answer->count; i++) {
        const sl_candidate *c = &answer->candidates[i];
        printf("    %4d  ", c->rank);
        cli_print_cell(stdout, c->label, width);
        printf("  %7.4f  %7.4f", c->score, c->stage1);
        print_stage2(c->stage2);
        fputs("  ", stdout);
        cli_print_name(stdout, c->image, 0);
        putchar('\n');
    }
}
