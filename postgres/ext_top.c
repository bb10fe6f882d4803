/* Stage 1: every block of a part of the gallery by its codes, the tail by its embeddings, and the few that may be
 * among the best by their templates. All under the query's snapshot: a face that is not there any more, or not yet,
 * has no template there, whatever a block says. */
#include "ext.h"

#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "base/bytes.h"
#include "match/stage1/code_top.h"

enum {
    MOST_K = 100000,
    MOST_QUERIES = 4096,
    MOST_PARTS = 1024,
    SPARE = 16, /* more rows are kept than are wanted: some may be of faces that were removed */
};

/* ---- a scan ---- */

typedef struct {
    const ext_gallery *gallery;
    sl_code_top *top;
    float *embedding; /* [D] a copy, as a page's need not be aligned */
} scanning;

/* Opens a table whose columns are of these types. */
static Relation open_as_made(const ext_gallery *g, const char *name, int count, const Oid *types)
{
    Relation table = ext_table_open(g, name);
    TupleDesc d = RelationGetDescr(table);
    bool same = d->natts == count;
    for (int i = 0; same && i < count; i++)
        same = TupleDescAttr(d, i)->atttypid == types[i];
    same = same && table->rd_rel->relam == HEAP_TABLE_AM_OID; /* ext_scan reads its pages */
    if (!same)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("the table %s of gallery \"%s\" is not as create_gallery made it", name, g->name));
    return table;
}

/* block (n int, norm real, ids bytea, codes bytea) */
static void scan_block(void *context, const ext_row *row)
{
    const scanning *s = context;
    const Datum *values = row->values;
    sl_scan_codes codes;
    sl_error err;
    if (row->nulls[0] || row->nulls[1] || row->nulls[2] || row->nulls[3])
        return;
    bytea *ids = DatumGetByteaPP(values[2]), *stored = DatumGetByteaPP(values[3]);
    ext_block_view(s->gallery, DatumGetInt32(values[0]), DatumGetFloat4(values[1]), ids, stored, &codes);
    codes.ahead = row->ahead;
    ext_try(sl_code_top_scan(s->top, &codes, VARDATA_ANY(ids), &err), &err);
    if ((Pointer)ids != DatumGetPointer(values[2]))
        pfree(ids);
    if ((Pointer)stored != DatumGetPointer(values[3]))
        pfree(stored);
}

/* tail (face bigint, embedding bytea) */
static void scan_waiting(void *context, const ext_row *row)
{
    const scanning *s = context;
    const ext_gallery *g = s->gallery;
    const Datum *values = row->values;
    const size_t bytes = (size_t)g->shape.dim * sizeof(float);
    sl_error err;
    if (row->nulls[0] || row->nulls[1])
        return;
    bytea *stored = DatumGetByteaPP(values[1]);
    const int64 face = DatumGetInt64(values[0]);
    if (VARSIZE_ANY_EXHDR(stored) != bytes || !sl_embedding_sound((uint8_t *)VARDATA_ANY(stored), g->shape.dim)) {
        ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED),
                errmsg("the embedding of face %lld in gallery \"%s\" is damaged, and was left out", (long long)face,
                       g->name));
    } else {
        memcpy(s->embedding, VARDATA_ANY(stored), bytes);
        ext_try(sl_code_top_offer(s->top, (uint64_t)face, s->embedding, &err), &err);
    }
    if ((Pointer)stored != DatumGetPointer(values[1]))
        pfree(stored);
}

static void scan_all(scanning *s, int part, int parts)
{
    static const Oid block[4] = {INT4OID, FLOAT4OID, BYTEAOID, BYTEAOID}, tail[2] = {INT8OID, BYTEAOID};
    Relation blocks = open_as_made(s->gallery, "block", 4, block);
    Relation waiting = open_as_made(s->gallery, "tail", 2, tail);
    ext_scan(blocks, part, parts, scan_block, s);
    ext_scan(waiting, part, parts, scan_waiting, s);
    table_close(waiting, AccessShareLock);
    table_close(blocks, AccessShareLock);
}

/* ---- the best ---- */

typedef struct {
    ext_reader reader;
    float *embedding; /* [D] a copy, as a page's need not be aligned */
} fetching;

static sl_status fetch(void *context, uint64_t id, const float **embedding, sl_error *err)
{
    fetching *f = context;
    (void)err;
    CHECK_FOR_INTERRUPTS();
    const uint8_t *bytes = ext_reader_template(&f->reader, (int64)id);
    *embedding = NULL;
    if (bytes)
        *embedding = memcpy(f->embedding, bytes, (size_t)f->reader.gallery->shape.dim * sizeof(float));
    return SL_OK;
}

static void close_top(void *top)
{
    sl_code_top_close(top);
}

/* One pass for all queries, which keeps `kept` rows of each. False: so many of them are gone that better ones may be
 * missing. */
static bool pass(const ext_gallery *g, const sl_vectors *queries, int k, int kept, int part, int parts,
                 ext_hit *hits, int *counts)
{
    sl_code_top *top;
    sl_error err;
    fetching f = {.embedding = palloc((size_t)g->shape.dim * sizeof(float))};
    sl_code_hit *best = palloc_extended((size_t)k * sizeof *best, MCXT_ALLOC_HUGE);
    bool whole = true;
    ext_try(sl_code_top_open(queries, kept, &top, &err), &err);
    ext_own(top, close_top);
    scan_all(&(scanning){g, top, f.embedding}, part, parts);
    ext_reader_open(&f.reader, g);
    for (size_t q = 0; whole && q < queries->count; q++) {
        size_t count;
        ext_try(sl_code_top_best(top, q, (size_t)k, fetch, &f, best, &count, &whole, &err), &err);
        counts[q] = (int)count;
        for (size_t i = 0; i < count; i++)
            hits[q * (size_t)k + i] = (ext_hit){(int64)best[i].id, best[i].score};
    }
    ext_reader_close(&f.reader);
    pfree(best);
    pfree(f.embedding);
    return whole;
}

void ext_top(const ext_gallery *g, const float *queries, int count, int k, int part, int parts, ext_hit *hits,
             int *counts)
{
    const sl_vectors all = {queries, (size_t)count, g->shape.dim};
    if (k < 1 || k > MOST_K)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be 1 to %d, not %d", MOST_K, k));
    if (parts < 1 || parts > MOST_PARTS || part < 0 || part >= parts)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("there is no part %d of %d: parts are 1 to %d, counted from 0", part, parts, MOST_PARTS));
    MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "secondlook top", ALLOCSET_DEFAULT_SIZES);
    for (int kept = k + SPARE;; kept *= 4) {
        MemoryContext callers = MemoryContextSwitchTo(own);
        const bool whole = pass(g, &all, k, kept, part, parts, hits, counts);
        MemoryContextSwitchTo(callers);
        MemoryContextReset(own);
        if (whole)
            break;
    }
    MemoryContextDelete(own);
}

/* ---- SQL ---- */

/* top(gallery text, queries bytea, k int, part int, parts int) returns setof (query int, face bigint, cosine real) */
PG_FUNCTION_INFO_V1(sl_ext_top);
Datum sl_ext_top(PG_FUNCTION_ARGS)
{
    ReturnSetInfo *result = (ReturnSetInfo *)fcinfo->resultinfo;
    InitMaterializedSRF(fcinfo, 0);
    const ext_gallery *g = ext_gallery_open(PG_GETARG_TEXT_PP(0));
    bytea *queries = PG_GETARG_BYTEA_PP(1);
    const int k = PG_GETARG_INT32(2);
    const size_t each = (size_t)g->shape.dim * sizeof(float), size = VARSIZE_ANY_EXHDR(queries),
                 count = size / each;
    if (count < 1 || count > MOST_QUERIES || size % each)
        ereport(
            ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg(
                "queries of gallery \"%s\" have %zu bytes each, and there may be %d at once: %zu bytes are not so",
                g->name, each, MOST_QUERIES, size));
    if (k < 1 || k > MOST_K || count * (size_t)k > MaxAllocHugeSize / sizeof(ext_hit))
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be 1 to %d, not %d", MOST_K, k));
    float *asked = palloc_extended(size, MCXT_ALLOC_HUGE);
    memcpy(asked, VARDATA_ANY(queries), size);
    ext_hit *hits = palloc_extended(count * (size_t)k * sizeof *hits, MCXT_ALLOC_HUGE);
    int *counts = palloc0(count * sizeof *counts);
    ext_top(g, asked, (int)count, k, PG_GETARG_INT32(3), PG_GETARG_INT32(4), hits, counts);
    for (size_t q = 0; q < count; q++)
        for (int i = 0; i < counts[q]; i++) {
            const ext_hit *h = &hits[q * (size_t)k + (size_t)i];
            Datum values[3] = {Int32GetDatum((int32)q + 1), Int64GetDatum(h->face), Float4GetDatum(h->cosine)};
            bool nulls[3] = {false};
            tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
        }
    return (Datum)0;
}
