/* Stage 2 beside the data: the best of stage 1, looked at again. A candidate leaves as some forty bytes. */
#include "ext.h"

#include <math.h>
#include <stdlib.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "match/oae/oae.h"
#include "match/second_look.h"

typedef struct {
    const ext_gallery *gallery;
    const ext_hit *hits;
    uint8_t *templates; /* [count, stride] 64-byte aligned: padded embedding, patch row */
    size_t stride, row_at;
} candidates;

/* ---- options ---- */

static void free_cells(void *cells)
{
    sl_oae *o = cells;
    sl_head_free(&o->head);
    sl_oae_stats_free(&o->stats);
    free(o);
}

/* Raises what is wrong with statistics per cell for this gallery. */
static void parse_cells(const ext_gallery *g, bytea *cells, sl_oae_stats *out)
{
    sl_error err;
    ext_try(sl_oae_stats_parse(VARDATA_ANY(cells), VARSIZE_ANY_EXHDR(cells), "the gallery's cells", out, &err), &err);
    if (!sl_same_model(out->fingerprint, g->shape.fingerprint) || out->rows != g->shape.rows ||
        out->cols != g->shape.cols || out->dim != g->shape.dim)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
                errmsg("the cells of gallery \"%s\" are another model's", g->name));
}

/* What looks at compact patches need: these are contributions already, so a head without weights does; and statistics
 * per cell (NULL: none), without which there is no oae. */
static const sl_oae *open_cells(const ext_gallery *g, bytea *cells)
{
    sl_oae *o = calloc(1, sizeof *o);
    if (!o)
        ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY),
                errmsg("no memory for the statistics of gallery \"%s\"", g->name));
    ext_own(o, free_cells);
    if (cells)
        parse_cells(g, cells, &o->stats);
    o->shape = g->shape;
    o->head = (sl_head){.cells = g->shape.rows * g->shape.cols,
                        .channels = g->shape.channels,
                        .dim = g->shape.dim,
                        .blocks = (g->shape.dim + SL_HEAD_COLUMNS - 1) / SL_HEAD_COLUMNS};
    o->head.bias = calloc((size_t)g->shape.dim, sizeof *o->head.bias);
    if (!o->head.bias)
        ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY),
                errmsg("no memory for the statistics of gallery \"%s\"", g->name));
    return o;
}

/* cells_fit(gallery text, cells bytea) returns bool: true, or an error that says why they do not */
PG_FUNCTION_INFO_V1(sl_ext_cells_fit);
Datum sl_ext_cells_fit(PG_FUNCTION_ARGS)
{
    const ext_gallery *g = ext_gallery_open(PG_GETARG_TEXT_PP(0));
    if (g->shape.format != SL_PATCHES_COMPACT)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("gallery \"%s\" has no compact patches, which alone are looked at by statistics here", g->name));
    open_cells(g, PG_GETARG_BYTEA_PP(1));
    PG_RETURN_BOOL(true);
}

/* rerank: a name; alpha: NULL for the look's own. */
static sl_match_options options_of(const ext_gallery *g, const char *rerank, const float *alpha, int k)
{
    const int named = sl_rerank_named(rerank);
    if (named < 0)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no look \"%s\"", rerank),
                errhint("Looks are auto, none, emd, oae, maxsim and same-cell."));
    sl_match_options o = sl_match_defaults_of((sl_rerank)named);
    o.oae = g->shape.format == SL_PATCHES_COMPACT ? open_cells(g, g->cells) : NULL;
    o.k = k;
    o.threads = 1;
    if (g->shape.format == SL_PATCHES_COMPACT && (sl_rerank_reads(o.rerank) & SL_READS_PATCHES)) {
        o.feature = SL_FEATURE_CONTRIBUTIONS;
        o.weighting = SL_WEIGHT_UNIFORM;
    }
    sl_match_suit(&o, &g->shape);
    if (sl_rerank_reads(o.rerank) & SL_READS_LEARNED)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("%s is a network, which the database does not run", rerank),
                errhint("Search with the program: secondlook identify --gallery postgres://..."));
    if (alpha)
        o.alpha = *alpha;
    return o;
}

/* ---- faces ---- */

static sl_status source_of(void *context, size_t i, sl_patch_source *out, sl_error *err)
{
    const candidates *c = context;
    (void)err;
    CHECK_FOR_INTERRUPTS();
    *out = sl_patch_row_source(c->templates + i * c->stride + c->row_at, &c->gallery->shape);
    out->embedding = (const float *)(c->templates + i * c->stride);
    return SL_OK;
}

/* Lays a template's two parts at multiples of 64. */
static void lay(const candidates *c, uint8_t *to, const uint8_t *bytes)
{
    const size_t embedding = (size_t)c->gallery->shape.dim * sizeof(float);
    memcpy(to, bytes, embedding);
    memcpy(to + c->row_at, bytes + embedding, c->gallery->bytes - embedding);
}

static uint8_t *aligned(size_t bytes)
{
    char *memory = palloc_extended(bytes + 64, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
    return (uint8_t *)TYPEALIGN(64, memory);
}

/* The templates of `count` hits; hits whose template is gone leave the list. */
static int read_candidates(candidates *c, ext_hit *hits, int count)
{
    ext_reader reader;
    int left = 0;
    c->templates = aligned((size_t)count * c->stride);
    ext_reader_open(&reader, c->gallery);
    for (int i = 0; i < count; i++) {
        const uint8_t *bytes = ext_reader_template(&reader, hits[i].face);
        if (!bytes)
            continue;
        lay(c, c->templates + (size_t)left * c->stride, bytes);
        hits[left++] = hits[i];
    }
    ext_reader_close(&reader);
    c->hits = hits;
    return left;
}

static void close_look(void *look)
{
    sl_second_look_close(look);
}

/* stage2 [count] of the query's template. */
static void look_again(const ext_gallery *g, candidates *c, int count, const sl_match_options *o,
                       const uint8_t *query, float *stage2)
{
    sl_error err;
    sl_second_look *look;
    candidates asks = *c;
    asks.templates = aligned(c->stride);
    lay(c, asks.templates, query);
    sl_patch_source source;
    ext_try(source_of(&asks, 0, &source, &err), &err);
    ext_try(sl_second_look_open(o, &g->shape, &look, &err), &err);
    ext_own(look, close_look);
    ext_try(sl_second_look_query(look, &source, &err), &err);
    ext_try(sl_second_look_scores(look, (size_t)count, source_of, c, stage2, NULL, &err), &err);
}

/* ---- SQL ---- */

static void put_rows(ReturnSetInfo *result, const ext_hit *hits, int count, const float *stage2, float alpha)
{
    for (int i = 0; i < count; i++) {
        const float mixed = stage2 ? alpha * stage2[i] + (1 - alpha) * hits[i].cosine : hits[i].cosine;
        Datum values[4] = {Int64GetDatum(hits[i].face), Float4GetDatum(hits[i].cosine),
                           Float4GetDatum(stage2 ? stage2[i] : 0), Float4GetDatum(mixed)};
        bool nulls[4] = {false, false, !stage2, false};
        tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
}

/* look(gallery text, query bytea, k int, rerank text, alpha real, part int, parts int)
 * returns setof (face bigint, stage1 real, stage2 real, score real), in the order of stage 1 */
PG_FUNCTION_INFO_V1(sl_ext_look);
Datum sl_ext_look(PG_FUNCTION_ARGS)
{
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(5) ||
        PG_ARGISNULL(6))
        ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("only alpha may be NULL: the look's own"));
    InitMaterializedSRF(fcinfo, 0);
    const ext_gallery *g = ext_gallery_open(PG_GETARG_TEXT_PP(0));
    bytea *query = PG_GETARG_BYTEA_PP(1);
    const int k = PG_GETARG_INT32(2);
    const float alpha = PG_ARGISNULL(4) ? 0 : PG_GETARG_FLOAT4(4);
    const char *fault = ext_template_fault(g, (uint8_t *)VARDATA_ANY(query), VARSIZE_ANY_EXHDR(query));
    if (fault)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("the query is no template of gallery \"%s\": %s", g->name, fault));
    if (k < 1 || k > 10000)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be 1 to 10000, not %d", k));
    const sl_match_options o =
        options_of(g, text_to_cstring(PG_GETARG_TEXT_PP(3)), PG_ARGISNULL(4) ? NULL : &alpha, k);
    sl_error err;
    ext_try(sl_match_options_check(&o, &err), &err);
    float *embedding = palloc((size_t)g->shape.dim * sizeof *embedding),
          *stage2 = palloc((size_t)k * sizeof *stage2);
    memcpy(embedding, VARDATA_ANY(query), (size_t)g->shape.dim * sizeof *embedding);
    ext_hit *hits = palloc((size_t)k * sizeof *hits);
    int count;
    ext_top(g, embedding, 1, k, PG_GETARG_INT32(5), PG_GETARG_INT32(6), hits, &count);
    const bool again = sl_rerank_reads(o.rerank) & SL_READS_LOOK;
    candidates c = {.gallery = g, .row_at = TYPEALIGN(64, (size_t)g->shape.dim * sizeof(float))};
    c.stride = c.row_at + sl_patch_row_layout(&g->shape).stride;
    if (again && count) {
        count = read_candidates(&c, hits, count);
        look_again(g, &c, count, &o, (const uint8_t *)VARDATA_ANY(query), stage2);
    }
    put_rows((ReturnSetInfo *)fcinfo->resultinfo, hits, count, again ? stage2 : NULL, o.alpha);
    return (Datum)0;
}
