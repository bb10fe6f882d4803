/* Bytes that nobody needs: VACUUM moves what is left of a page together and lets the bytes of what was removed lie in
 * the gap. Here the gap is written with zeros, in the WAL too, so that replicas follow. */
#include "ext.h"

#include "access/generic_xlog.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/acl.h"

static bool gap_is_clean(Page page)
{
    const PageHeader h = (PageHeader)page;
    for (int i = h->pd_lower; i < h->pd_upper; i++)
        if (((char *)page)[i])
            return false;
    return true;
}

/* A page whose header makes sense, so that there is a gap to be cleaned. */
static bool has_gap(Page page)
{
    const PageHeader h = (PageHeader)page;
    return !PageIsNew(page) && h->pd_lower >= SizeOfPageHeaderData && h->pd_lower <= h->pd_upper &&
           h->pd_upper <= h->pd_special && h->pd_special <= BLCKSZ;
}

/* Rows of a page that were removed, and that VACUUM has not taken away: somebody may see them still. */
static int64 removed_rows(Relation r, Buffer buffer, TransactionId horizon)
{
    Page page = BufferGetPage(buffer);
    int64 removed = 0;
    for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++) {
        ItemId item = PageGetItemId(page, i);
        if (!ItemIdIsNormal(item))
            continue;
        HeapTupleData tuple = {.t_len = ItemIdGetLength(item), .t_tableOid = RelationGetRelid(r)};
        tuple.t_data = (HeapTupleHeader)PageGetItem(page, item);
        ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), i);
        const HTSV_Result state = HeapTupleSatisfiesVacuum(&tuple, horizon, buffer);
        removed += state == HEAPTUPLE_DEAD || state == HEAPTUPLE_RECENTLY_DEAD;
    }
    return removed;
}

/* scrub(table regclass) returns (cleaned bigint, kept bigint): pages whose gap was cleaned, rows that were removed
 * and are still there */
PG_FUNCTION_INFO_V1(sl_ext_scrub);
Datum sl_ext_scrub(PG_FUNCTION_ARGS)
{
    const Oid oid = PG_GETARG_OID(0);
    int64 cleaned = 0, kept = 0;
    TupleDesc row;
    bool nulls[2] = {false};
    if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE || row->natts != 2)
        elog(ERROR, "scrub must return two columns");
    Relation r = relation_open(oid, RowExclusiveLock);
    if (!(r->rd_rel->relkind == RELKIND_RELATION || r->rd_rel->relkind == RELKIND_TOASTVALUE) ||
        r->rd_rel->relam != HEAP_TABLE_AM_OID)
        ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
                errmsg("\"%s\" is no ordinary table", RelationGetRelationName(r)));
    if (!has_privs_of_role(GetUserId(), r->rd_rel->relowner))
        aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(r));
    const TransactionId horizon = GetOldestNonRemovableTransactionId(r);
    const BlockNumber pages = RelationGetNumberOfBlocks(r);
    for (BlockNumber p = 0; p < pages; p++) {
        CHECK_FOR_INTERRUPTS();
        Buffer buffer = ReadBuffer(r, p);
        LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
        Page page = BufferGetPage(buffer);
        kept += has_gap(page) ? removed_rows(r, buffer, horizon) : 0;
        if (has_gap(page) && !gap_is_clean(page)) {
            GenericXLogState *state = GenericXLogStart(r);
            GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
            GenericXLogFinish(state); /* it zeroes the gap, here and wherever the WAL is replayed */
            cleaned++;
        }
        UnlockReleaseBuffer(buffer);
    }
    relation_close(r, RowExclusiveLock);
    Datum values[2] = {Int64GetDatum(cleaned), Int64GetDatum(kept)};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
