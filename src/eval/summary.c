/* Means over queries: metrics with intervals, the paired difference, CMC. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/outcomes.h"
#include "secondlook_eval.h"

/* Columns of the table that is resampled: the metrics of each first ranking, and those three times for each
 * configuration. */
enum { METRICS = SL_METRICS, STAGE2 = 0, BEST = METRICS, DIFFERENCE = 2 * METRICS, COLUMNS = 3 * METRICS };

static void fill_row(const sl_outcomes *o, size_t q, float *row)
{
    const sl_sweep *s = &o->x->sweep;
    size_t asked = o->x->protocol.asked_count;
    for (size_t f = 0; f < s->first_count; f++)
        memcpy(row + METRICS * f, o->first[f * asked + q].metric, METRICS * sizeof *row);
    for (size_t c = 0; c < s->count; c++) {
        const sl_outcome *first = &o->first[s->first_of[c] * asked + q], *second = &o->second[c * asked + q];
        float *to = row + METRICS * s->first_count + COLUMNS * c;
        for (int m = 0; m < METRICS; m++) {
            to[STAGE2 + m] = second->metric[m];
            to[BEST + m] = o->best[c * asked + q].metric[m];
            to[DIFFERENCE + m] = second->metric[m] - first->metric[m];
        }
    }
}

static sl_retrieval retrieval_at(const sl_interval *columns)
{
    sl_retrieval r;
    memcpy(r.metric, columns, sizeof r.metric);
    return r;
}

static void cmc_of(const sl_outcome *outcomes, size_t count, uint32_t *ranks, double cmc[SL_CMC_RANKS])
{
    for (size_t q = 0; q < count; q++)
        ranks[q] = outcomes[q].rank;
    sl_cmc_of(ranks, count, cmc);
}

static void fill_evaluation(const sl_outcomes *o, size_t c, const sl_interval *columns, uint32_t *ranks,
                            sl_evaluation *out)
{
    const sl_sweep *s = &o->x->sweep;
    const sl_protocol *p = &o->x->protocol;
    size_t f = s->first_of[c], asked = p->asked_count;
    const sl_interval *own = columns + METRICS * s->first_count + COLUMNS * c;
    *out = (sl_evaluation){.queries = asked,
                           .unmatched = p->unmatched_count,
                           .own_photos = p->own_photos,
                           .own_photos_of = p->query_count,
                           .gallery = p->face_count,
                           .stage1 = retrieval_at(columns + METRICS * f),
                           .stage2 = retrieval_at(own + STAGE2),
                           .max = retrieval_at(own + BEST),
                           .difference = retrieval_at(own + DIFFERENCE),
                           .seconds_stage1 = o->first_seconds[f] / o->x->threads};
    if (s->look_of[c] != SIZE_MAX)
        out->seconds_stage2 = o->look_seconds[s->look_of[c]] / o->x->threads;
    const sl_outcome *first = o->first + f * asked, *second = o->second + c * asked;
    for (size_t q = 0; q < asked; q++) {
        out->won += second[q].metric[SL_P1] > first[q].metric[SL_P1];
        out->lost += second[q].metric[SL_P1] < first[q].metric[SL_P1];
    }
    cmc_of(first, asked, ranks, out->stage1_cmc);
    cmc_of(second, asked, ranks, out->stage2_cmc);
}

sl_status sl_outcomes_summarise(const sl_outcomes *o, uint64_t seed, sl_evaluation *out, sl_error *err)
{
    const sl_sweep *s = &o->x->sweep;
    size_t asked = o->x->protocol.asked_count, width = METRICS * s->first_count + COLUMNS * s->count;
    float *table = sl_calloc_aligned(asked + 1, width * sizeof *table);
    sl_interval *columns = sl_calloc_aligned(width, sizeof *columns);
    uint32_t *ranks = sl_calloc_aligned(asked + 1, sizeof *ranks);
    sl_status status = SL_OK;
    if (!table || !columns || !ranks) {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory to summarise %zu queries", asked);
    } else {
        for (size_t q = 0; q < asked; q++)
            fill_row(o, q, table + q * width);
        status = sl_bootstrap(table, asked, width, seed, o->x->threads, columns, err);
    }
    for (size_t c = 0; status == SL_OK && c < s->count; c++)
        fill_evaluation(o, c, columns, ranks, &out[c]);
    free(table);
    free(columns);
    free(ranks);
    return status;
}
