/* A gallery is a schema gallery_NAME (secondlook--0.1.sql): its one row that says what it holds, and its templates. */
#include "ext.h"

#include <math.h>

#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "base/bytes.h"
#include "base/crc32c.h"

PG_MODULE_MAGIC;

enum { FORMAT_VERSION = 1 };

/* ---- the library's errors and memory ---- */

static int code_of(sl_status status)
{
    switch (status) {
    case SL_ERR_MEMORY: return ERRCODE_OUT_OF_MEMORY;
    case SL_ERR_INTERNAL: return ERRCODE_INTERNAL_ERROR;
    case SL_ERR_UNSUPPORTED: return ERRCODE_FEATURE_NOT_SUPPORTED;
    case SL_ERR_CORRUPT: return ERRCODE_DATA_CORRUPTED;
    default: return ERRCODE_INVALID_PARAMETER_VALUE;
    }
}

void ext_try(sl_status status, const sl_error *err)
{
    if (status != SL_OK)
        ereport(ERROR, errcode(code_of(status)), errmsg("%s", err->text));
}

void ext_own(void *what, void (*release)(void *what))
{
    MemoryContextCallback *callback = palloc(sizeof *callback);
    *callback = (MemoryContextCallback){.func = release, .arg = what};
    MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* ---- the gallery's row ---- */

static Datum column(int number, const char *what)
{
    bool null;
    Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, number, &null);
    if (null)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("the gallery's row has no %s", what));
    return value;
}

static void read_centre(ext_gallery *g)
{
    bytea *centre = DatumGetByteaP(column(8, "centre"));
    const size_t bytes = sl_contribution_count(&g->shape) * sizeof(float);
    if (VARSIZE_ANY_EXHDR(centre) != bytes)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
                errmsg("the centre of gallery \"%s\" is not %zu bytes long", g->name, bytes));
    float *copy = palloc(bytes);
    memcpy(copy, VARDATA_ANY(centre), bytes);
    g->shape.centre = copy;
}

static void read_row(ext_gallery *g)
{
    sl_error err;
    bool null;
    if (DatumGetInt32(column(1, "format_version")) != FORMAT_VERSION)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("gallery \"%s\" is of format %d, this version reads %d", g->name,
                       DatumGetInt32(column(1, "format_version")), FORMAT_VERSION),
                errhint("Update the extension: ALTER EXTENSION secondlook UPDATE."));
    bytea *fingerprint = DatumGetByteaP(column(3, "fingerprint"));
    if (VARSIZE_ANY_EXHDR(fingerprint) != 32)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
                errmsg("the fingerprint of gallery \"%s\" is not 32 bytes long", g->name));
    memcpy(g->shape.fingerprint, VARDATA_ANY(fingerprint), 32);
    g->model = TextDatumGetCString(column(2, "model"));
    g->shape.dim = DatumGetInt32(column(4, "dim"));
    g->shape.rows = DatumGetInt32(column(5, "patch_rows"));
    g->shape.cols = DatumGetInt32(column(6, "patch_cols"));
    g->shape.channels = DatumGetInt32(column(7, "patch_channels"));
    g->shape.format = (sl_patch_format)DatumGetInt32(column(9, "patches"));
    ext_try(sl_shape_check(&g->shape, &err), &err);
    if (g->shape.format == SL_PATCHES_COMPACT)
        read_centre(g);
    Datum cells = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 10, &null);
    g->cells = null ? NULL : DatumGetByteaPCopy(cells);
}

ext_gallery *ext_gallery_open(text *name)
{
    MemoryContext callers = CurrentMemoryContext;
    ext_gallery *g = palloc0(sizeof *g);
    g->name = text_to_cstring(name);
    g->schema = LookupExplicitNamespace(psprintf("gallery_%s", g->name), true);
    if (!OidIsValid(g->schema))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_SCHEMA), errmsg("there is no gallery \"%s\"", g->name),
                errhint("Make one: SELECT secondlook.create_gallery(...)."));
    const char *query = psprintf("SELECT format_version, model, fingerprint, dim, patch_rows, patch_cols, "
                                 "patch_channels, centre, patches, cells "
                                 "FROM %s.gallery",
                                 quote_identifier(get_namespace_name(g->schema)));
    SPI_connect();
    if (SPI_execute(query, true, 2) != SPI_OK_SELECT || SPI_processed != 1)
        ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
                errmsg("gallery \"%s\" has %d rows that say what it holds, and "
                       "must have one",
                       g->name, (int)SPI_processed));
    MemoryContext spi = MemoryContextSwitchTo(callers);
    read_row(g);
    MemoryContextSwitchTo(spi);
    SPI_finish();
    g->bytes = (size_t)g->shape.dim * sizeof(float) + sl_patch_row_layout(&g->shape).stride;
    return g;
}

/* ---- tables ---- */

Relation ext_table_open(const ext_gallery *g, const char *table)
{
    const Oid oid = get_relname_relid(table, g->schema);
    if (!OidIsValid(oid))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("gallery \"%s\" has no table %s", g->name, table));
    Relation r = table_open(oid, AccessShareLock);
    if (r->rd_rel->relkind != RELKIND_RELATION || r->rd_rel->relam != HEAP_TABLE_AM_OID)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("%s of gallery \"%s\" is no ordinary table", table, g->name));
    if (pg_class_aclcheck(oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(r));
    if (check_enable_rls(oid, InvalidOid, false) == RLS_ENABLED)
        ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                errmsg("%s of gallery \"%s\" has row level security, which searches cannot heed", table, g->name),
                errhint("Give each group of people a gallery of its own."));
    return r;
}

/* ---- templates by face ---- */

/* template (face bigint, crc int, bytes bytea) */
static void check_columns(const ext_reader *r)
{
    TupleDesc d = RelationGetDescr(r->table);
    if (d->natts != 3 || TupleDescAttr(d, 0)->atttypid != INT8OID || TupleDescAttr(d, 1)->atttypid != INT4OID ||
        TupleDescAttr(d, 2)->atttypid != BYTEAOID)
        ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
                errmsg("the table template of gallery \"%s\" is not as create_gallery made it", r->gallery->name));
}

void ext_reader_open(ext_reader *r, const ext_gallery *g)
{
    *r = (ext_reader){.gallery = g, .table = ext_table_open(g, "template")};
    check_columns(r);
    const Oid index = RelationGetPrimaryKeyIndex(r->table);
    if (!OidIsValid(index))
        ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
                errmsg("the table template of gallery \"%s\" has no primary key", g->name));
    r->index = index_open(index, AccessShareLock);
    r->slot = table_slot_create(r->table, NULL);
    r->scan = index_beginscan(r->table, r->index, GetActiveSnapshot(), 1, 0);
}

void ext_reader_close(ext_reader *r)
{
    index_endscan(r->scan);
    ExecDropSingleTupleTableSlot(r->slot);
    index_close(r->index, AccessShareLock);
    table_close(r->table, AccessShareLock);
    if (r->held)
        pfree(r->held);
}

const uint8_t *ext_reader_template(ext_reader *r, int64 face)
{
    const ext_gallery *g = r->gallery;
    ScanKeyData key;
    bool null_crc, null_bytes;
    if (r->held)
        pfree(r->held);
    r->held = NULL;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(face));
    index_rescan(r->scan, &key, 1, NULL, 0);
    if (!index_getnext_slot(r->scan, ForwardScanDirection, r->slot))
        return NULL;
    const uint32 crc = DatumGetUInt32(slot_getattr(r->slot, 2, &null_crc));
    const Datum stored = slot_getattr(r->slot, 3, &null_bytes);
    if (!null_crc && !null_bytes) {
        bytea *bytes = DatumGetByteaPP(stored);
        r->held = (Pointer)bytes == DatumGetPointer(stored) ? NULL : bytes;
        if (VARSIZE_ANY_EXHDR(bytes) == g->bytes && sl_crc32c(0, VARDATA_ANY(bytes), g->bytes) == crc)
            return (const uint8_t *)VARDATA_ANY(bytes);
    }
    ereport(WARNING, errcode(ERRCODE_DATA_CORRUPTED),
            errmsg("the template of face %lld in gallery \"%s\" is damaged, and was left out", (long long)face,
                   g->name),
            errhint("SELECT * FROM secondlook.verify('%s') tells all that is wrong.", g->name));
    return NULL;
}

const char *ext_template_fault(const ext_gallery *g, const uint8_t *bytes, size_t size)
{
    if (size != g->bytes)
        return psprintf("a template of this gallery has %zu bytes, not %zu", g->bytes, size);
    if (!sl_embedding_sound(bytes, g->shape.dim))
        return "its embedding is not of unit length";
    if (!sl_patch_row_sound(bytes + (size_t)g->shape.dim * sizeof(float), &g->shape))
        return "its patches or landmarks are no usable numbers";
    return NULL;
}
