/* A line for every configuration and query: to the caller, and to a CSV file (RFC 4180). */
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "eval/outcomes.h"
#include "gallery/gallery.h"
#include "match/match.h"
#include "secondlook_eval.h"

static size_t face_index(uint32_t face)
{
    return face == UINT32_MAX ? SIZE_MAX : face;
}

static sl_eval_line line_of(const sl_outcomes *o, size_t c, size_t i)
{
    const sl_protocol *p = &o->x->protocol;
    const sl_outcome *first = &o->first[o->x->sweep.first_of[c] * p->asked_count + i];
    const sl_outcome *second = &o->second[c * p->asked_count + i];
    size_t query = p->asked[i];
    sl_eval_line line = {.config = c,
                         .query = query,
                         .relevant = p->relevant[query],
                         .stage1_rank = first->rank,
                         .stage2_rank = second->rank,
                         .stage1_first = face_index(first->face),
                         .stage2_first = face_index(second->face)};
    for (int m = 0; m < SL_METRICS; m++) {
        line.stage1[m] = (double)first->metric[m];
        line.stage2[m] = (double)second->metric[m];
    }
    return line;
}

static sl_eval_line unmatched_line(size_t c, size_t query)
{
    sl_eval_line line = {.config = c, .query = query, .stage1_first = SIZE_MAX, .stage2_first = SIZE_MAX};
    for (int m = 0; m < SL_METRICS; m++)
        line.stage1[m] = line.stage2[m] = NAN;
    return line;
}

/* ---- CSV ---- */

static void add_image(sl_text *t, const sl_gallery *g, size_t face, bool safe)
{
    sl_text_add(t, ",");
    if (face != SIZE_MAX)
        sl_text_add_csv(t, sl_gallery_image(g, face), safe);
}

/* Metrics and rank; nothing where there was nobody to be found. P@1 is 0 or 1. */
static void add_rates(sl_text *t, const sl_eval_line *line, const double *metric, size_t rank)
{
    for (int m = 0; m < SL_METRICS && line->relevant; m++)
        sl_text_add(t, ",%.*f", m == SL_P1 ? 0 : 6, metric[m]);
    for (int m = 0; m < SL_METRICS && !line->relevant; m++)
        sl_text_add(t, ",");
    sl_text_add(t, ",");
    if (line->relevant && rank)
        sl_text_add(t, "%zu", rank);
}

static void add_line(sl_text *t, const sl_experiment *x, const sl_eval_line *line, bool safe)
{
    const sl_protocol *p = &x->protocol;
    if (x->sweep.configs[line->config].name)
        sl_text_add_csv(t, x->sweep.configs[line->config].name, safe);
    else
        sl_text_add(t, "%zu", line->config + 1);
    sl_text_add(t, ",");
    sl_text_add_csv(t, sl_gallery_image(p->queries, line->query), safe);
    sl_text_add(t, ",");
    sl_text_add_csv(t, sl_gallery_label(p->queries, line->query), safe);
    sl_text_add(t, ",%zu", line->relevant);
    add_rates(t, line, line->stage1, line->stage1_rank);
    add_rates(t, line, line->stage2, line->stage2_rank);
    add_image(t, p->gallery, line->stage1_first, safe);
    add_image(t, p->gallery, line->stage2_first, safe);
    sl_text_add(t, "\r\n");
}

static void tell(const sl_outcomes *o, const sl_eval_options *options, sl_text *csv, const sl_eval_line *line)
{
    if (options->line)
        options->line(options->context, line);
    if (options->csv)
        add_line(csv, o->x, line, options->csv_safe);
}

sl_status sl_outcomes_tell(const sl_outcomes *o, const sl_eval_options *options, sl_error *err)
{
    const sl_protocol *p = &o->x->protocol;
    sl_text csv = {0};
    if (!options->csv && !options->line)
        return SL_OK;
    sl_text_add(&csv, "config,image,label,relevant");
    for (int stage = 1; stage <= 2; stage++) {
        for (int m = 0; m < SL_METRICS; m++)
            sl_text_add(&csv, ",stage%d_%s", stage, sl_metric_name((sl_metric)m));
        sl_text_add(&csv, ",stage%d_rank", stage);
    }
    sl_text_add(&csv, ",stage1_first,stage2_first\r\n");
    for (size_t c = 0; c < o->x->sweep.count; c++) {
        for (size_t i = 0; i < p->asked_count; i++) {
            const sl_eval_line line = line_of(o, c, i);
            tell(o, options, &csv, &line);
        }
        for (size_t i = 0; i < p->unmatched_count; i++) {
            const sl_eval_line line = unmatched_line(c, p->unmatched[i]);
            tell(o, options, &csv, &line);
        }
    }
    sl_status status = SL_OK;
    if (csv.failed)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for the lines of the queries");
    else if (options->csv)
        status = sl_write_file(options->csv, csv.data, csv.size, err);
    free(csv.data);
    return status;
}
