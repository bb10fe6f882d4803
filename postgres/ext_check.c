/* What is sound: for add, which refuses the rest, and for verify, which names it. */
#include "ext.h"

#include "utils/builtins.h"

#include "base/crc32c.h"
#include "base/shard.h"

/* template_fault(gallery text, template bytea) returns text: NULL for what can be a template of the gallery */
PG_FUNCTION_INFO_V1(sl_ext_template_fault);
Datum sl_ext_template_fault(PG_FUNCTION_ARGS)
{
    if (!fcinfo->flinfo->fn_extra) { /* the same gallery row after row */
        MemoryContext callers = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
        fcinfo->flinfo->fn_extra = ext_gallery_open(PG_GETARG_TEXT_PP(0));
        MemoryContextSwitchTo(callers);
    }
    const ext_gallery *g = fcinfo->flinfo->fn_extra;
    if (strcmp(g->name, text_to_cstring(PG_GETARG_TEXT_PP(0))) != 0)
        g = ext_gallery_open(PG_GETARG_TEXT_PP(0));
    bytea *bytes = PG_GETARG_BYTEA_PP(1);
    const char *fault = ext_template_fault(g, (uint8_t *)VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
    if (!fault)
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(fault));
}

/* crc(bytes bytea) returns int: CRC-32C */
PG_FUNCTION_INFO_V1(sl_ext_crc);
Datum sl_ext_crc(PG_FUNCTION_ARGS)
{
    bytea *bytes = PG_GETARG_BYTEA_PP(0);
    PG_RETURN_INT32((int32)sl_crc32c(0, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)));
}

/* shard_of(label text, shards int) returns int */
PG_FUNCTION_INFO_V1(sl_ext_shard_of);
Datum sl_ext_shard_of(PG_FUNCTION_ARGS)
{
    text *label = PG_GETARG_TEXT_PP(0);
    const int shards = PG_GETARG_INT32(1);
    if (shards < 1)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are 1 shard or more, not %d", shards));
    PG_RETURN_INT32((int32)sl_shard_of(VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label), (size_t)shards));
}

/* template_size(gallery text) returns int: bytes of a stored template */
PG_FUNCTION_INFO_V1(sl_ext_template_size);
Datum sl_ext_template_size(PG_FUNCTION_ARGS)
{
    PG_RETURN_INT32((int32)ext_gallery_open(PG_GETARG_TEXT_PP(0))->bytes);
}
