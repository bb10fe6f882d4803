/* Means over queries: metrics with intervals, the paired difference, CMC. */
#include <stdlib.h>

#include "base/mem.h"
#include "eval/outcomes.h"
#include "secondlook_eval.h"

/* Columns of the table that is resampled: three for each first ranking, nine for each configuration. */
enum { STAGE2 = 0, BEST = 3, DIFFERENCE = 6, COLUMNS = 9 };

static void put(float *row, const sl_outcome *o)
{
    row[0] = o->p1;
    row[1] = o->rp;
    row[2] = o->mapr;
}

static void fill_row(const sl_outcomes *o, size_t q, float *row)
{
    const sl_sweep *s = &o->x->sweep;
    size_t asked = o->x->protocol.asked_count;
    for (size_t f = 0; f < s->first_count; f++)
        put(row + 3 * f, &o->first[f * asked + q]);
    for (size_t c = 0; c < s->count; c++) {
        const sl_outcome *first = &o->first[s->first_of[c] * asked + q], *second = &o->second[c * asked + q];
        float *to = row + 3 * s->first_count + COLUMNS * c;
        const sl_outcome gain = {
            .p1 = second->p1 - first->p1, .rp = second->rp - first->rp, .mapr = second->mapr - first->mapr};
        put(to + STAGE2, second);
        put(to + BEST, &o->best[c * asked + q]);
        put(to + DIFFERENCE, &gain);
    }
}

static sl_retrieval retrieval_at(const sl_interval *columns)
{
    return (sl_retrieval){columns[0], columns[1], columns[2]};
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
    const sl_interval *own = columns + 3 * s->first_count + COLUMNS * c;
    *out = (sl_evaluation){.queries = asked,
                           .unmatched = p->unmatched_count,
                           .own_photos = p->own_photos,
                           .own_photos_of = p->query_count,
                           .gallery = p->face_count,
                           .stage1 = retrieval_at(columns + 3 * f),
                           .stage2 = retrieval_at(own + STAGE2),
                           .max = retrieval_at(own + BEST),
                           .difference = retrieval_at(own + DIFFERENCE),
                           .seconds_stage1 = o->first_seconds[f] / o->x->threads};
    if (s->look_of[c] != SIZE_MAX)
        out->seconds_stage2 = o->look_seconds[s->look_of[c]] / o->x->threads;
    const sl_outcome *first = o->first + f * asked, *second = o->second + c * asked;
    for (size_t q = 0; q < asked; q++) {
        out->won += second[q].p1 > first[q].p1;
        out->lost += second[q].p1 < first[q].p1;
    }
    cmc_of(first, asked, ranks, out->stage1_cmc);
    cmc_of(second, asked, ranks, out->stage2_cmc);
}

sl_status sl_outcomes_summarise(const sl_outcomes *o, uint64_t seed, sl_evaluation *out, sl_error *err)
{
    const sl_sweep *s = &o->x->sweep;
    size_t asked = o->x->protocol.asked_count, width = 3 * s->first_count + COLUMNS * s->count;
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
