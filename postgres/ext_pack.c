/* Blocks: the codes of some thirty faces, in one page where a group of sixteen fits it.
 *
 *     block (n int, norm real, ids bytea, codes bytea)     ids [n] little-endian, codes: groups of match/stage1/codes.h
 *
 * Codes come last and are a multiple of 64 bytes long, so that they lie at a multiple of 64 in the page. */
#include "ext.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"

#include "base/bytes.h"
#include "match/stage1/codes.h"

enum { FAR_GROUPS = 32 /* of a block that is kept out of the row */ };

static size_t group_bytes(int dim)
{
    return sizeof(sl_code_group) + ((size_t)dim + 3) / 4 * 4 * SL_CODE_ROWS;
}

int ext_block_rows(int dim, bool *fits)
{
    const size_t fixed = MAXALIGN(SizeofHeapTupleHeader) + 2 * sizeof(int32) + 2 * VARHDRSZ + MAXIMUM_ALIGNOF;
    const size_t groups = (MaxHeapTupleSize - fixed) / (group_bytes(dim) + 8 * SL_CODE_ROWS);
    *fits = groups > 0;
    return (int)(groups ? groups : FAR_GROUPS) * SL_CODE_ROWS;
}

void ext_block_view(const ext_gallery *g, int n, float norm, bytea *ids, bytea *codes, sl_scan_codes *out)
{
    const size_t stride = group_bytes(g->shape.dim), groups = ((size_t)n + SL_CODE_ROWS - 1) / SL_CODE_ROWS;
    if (n < 1 || !(norm >= 0 && norm < 1e15f) || VARSIZE_ANY_EXHDR(ids) != 8 * (size_t)n ||
        VARSIZE_ANY_EXHDR(codes) != groups * stride)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("a block of gallery \"%s\" is damaged", g->name),
                errhint("SELECT secondlook.repack('%s') makes all blocks anew from the templates.", g->name));
    *out = (sl_scan_codes){.groups = (uint8_t *)VARDATA_ANY(codes),
                           .stride = stride,
                           .count = (size_t)n,
                           .dim = g->shape.dim,
                           .quads = (g->shape.dim + 3) / 4,
                           .norm = norm};
}

static int checked_dim(int dim)
{
    if (dim < 1 || dim > SL_CODE_MAX_DIM)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("an embedding has 1 to %d numbers, not %d", SL_CODE_MAX_DIM, dim));
    return dim;
}

/* block_rows(dim int) returns (rows int, fits bool) */
PG_FUNCTION_INFO_V1(sl_ext_block_rows);
Datum sl_ext_block_rows(PG_FUNCTION_ARGS)
{
    TupleDesc row;
    bool fits, nulls[2] = {false};
    if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE || row->natts != 2)
        elog(ERROR, "block_rows must return two columns");
    const int rows = ext_block_rows(checked_dim(PG_GETARG_INT32(0)), &fits);
    Datum values[2] = {Int32GetDatum(rows), BoolGetDatum(fits)};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

static void free_codes(void *codes)
{
    sl_scan_codes_free(codes);
}

/* The embeddings of an array of byteas, one behind the other. */
static float *take_embeddings(ArrayType *array, int dim, int *count)
{
    Datum *elements;
    bool *nulls;
    const size_t bytes = (size_t)dim * sizeof(float);
    deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
    float *rows = palloc_extended((size_t)*count * bytes + 1, MCXT_ALLOC_HUGE);
    for (int i = 0; i < *count; i++) {
        bytea *one = nulls[i] ? NULL : DatumGetByteaPP(elements[i]);
        if (!one || VARSIZE_ANY_EXHDR(one) != bytes)
            ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("embedding %d is not %zu bytes long", i + 1, bytes));
        memcpy((char *)rows + (size_t)i * bytes, VARDATA_ANY(one), bytes);
    }
    return rows;
}

/* block_of(dim int, ids bigint[], embeddings bytea[]) returns (n int, norm real, ids bytea, codes bytea) */
PG_FUNCTION_INFO_V1(sl_ext_block_of);
Datum sl_ext_block_of(PG_FUNCTION_ARGS)
{
    const int dim = checked_dim(PG_GETARG_INT32(0));
    ArrayType *ids = PG_GETARG_ARRAYTYPE_P(1);
    TupleDesc row;
    int count;
    bool nulls[4] = {false};
    sl_error err;
    if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE || row->natts != 4)
        elog(ERROR, "block_of must return four columns");
    float *rows = take_embeddings(PG_GETARG_ARRAYTYPE_P(2), dim, &count);
    if (count < 1 || array_contains_nulls(ids) || ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids)) != count)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("a block needs an id for each embedding, and one "
                       "at least"));
    sl_scan_codes *made = palloc0(sizeof *made);
    ext_own(made, free_codes);
    ext_try(sl_scan_codes_make(rows, (size_t)count, dim, 1, made, &err), &err);
    const size_t bytes = ((size_t)count + SL_CODE_ROWS - 1) / SL_CODE_ROWS * made->stride;
    bytea *codes = palloc(VARHDRSZ + bytes), *names = palloc(VARHDRSZ + 8 * (size_t)count);
    SET_VARSIZE(codes, VARHDRSZ + bytes);
    memcpy(VARDATA(codes), made->groups, bytes);
    SET_VARSIZE(names, VARHDRSZ + 8 * (size_t)count);
    memcpy(VARDATA(names), ARR_DATA_PTR(ids), 8 * (size_t)count);
    Datum values[4] = {Int32GetDatum(count), Float4GetDatum(made->norm), PointerGetDatum(names),
                       PointerGetDatum(codes)};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

/* block_ids(ids bytea) returns bigint[] */
PG_FUNCTION_INFO_V1(sl_ext_block_ids);
Datum sl_ext_block_ids(PG_FUNCTION_ARGS)
{
    bytea *ids = PG_GETARG_BYTEA_PP(0);
    const int count = (int)(VARSIZE_ANY_EXHDR(ids) / 8);
    Datum *out = palloc((size_t)(count + 1) * sizeof *out);
    for (int i = 0; i < count; i++)
        out[i] = Int64GetDatum(sl_get_i64(VARDATA_ANY(ids) + 8 * i));
    PG_RETURN_ARRAYTYPE_P(construct_array(out, count, INT8OID, 8, true, TYPALIGN_DOUBLE));
}
