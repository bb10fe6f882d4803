/* Every row of a table that the query sees, page by page. A scan of PostgreSQL's finds each page by a look into the
 * table of all buffers, which costs half as much as all that is done with the page's codes. Here a process remembers in
 * which buffer a page was, and asks that one first. So it knows, too, where the next page lies: memory is the limit,
 * and a page's bytes are fetched while those of the page before are looked at. What is seen is the same: each row is
 * asked whether the query's snapshot has it. */
#include "ext.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#if PG_VERSION_NUM < 160000
typedef RelFileNode file_of_table;
#define FILE_OF(relation) ((relation)->rd_node)
#define SAME_FILE(a, b) RelFileNodeEquals(a, b)
#else
typedef RelFileLocator file_of_table;
#define FILE_OF(relation) ((relation)->rd_locator)
#define SAME_FILE(a, b) RelFileLocatorEquals(a, b)
#endif

enum { REMEMBERED = 8 /* tables */ };

/* Where the pages of a table were, last: a guess, which ReadRecentBuffer checks. */
typedef struct {
    file_of_table file;
    Buffer *buffers; /* [pages] InvalidBuffer: not known */
    BlockNumber pages;
    uint64 used;
} place;

static place places[REMEMBERED];
static uint64 uses;

/* The place of this table, or the one that nobody has asked for for the longest time. */
static place *find_place(Relation table)
{
    place *p = &places[0];
    for (int i = 0; i < REMEMBERED; i++) {
        if (places[i].buffers && SAME_FILE(places[i].file, FILE_OF(table)))
            return &places[i];
        if (places[i].used < p->used)
            p = &places[i];
    }
    return p;
}

static place *place_of(Relation table, BlockNumber pages)
{
    place *p = find_place(table);
    if (!p->buffers) {
        p->buffers = MemoryContextAlloc(TopMemoryContext, sizeof *p->buffers);
        p->pages = 0;
    }
    if (!SAME_FILE(p->file, FILE_OF(table))) {
        memset(p->buffers, 0, p->pages * sizeof *p->buffers);
        p->file = FILE_OF(table);
    }
    if (p->pages < pages) {
        const BlockNumber room = pages + pages / 8;
        p->buffers = repalloc_huge(p->buffers, (Size)room * sizeof *p->buffers);
        memset(p->buffers + p->pages, 0, (Size)(room - p->pages) * sizeof *p->buffers);
        p->pages = room;
    }
    p->used = ++uses;
    return p;
}

static Buffer read_page(Relation table, place *p, BlockNumber page)
{
    const Buffer guess = p->buffers[page];
    if (guess != InvalidBuffer && ReadRecentBuffer(p->file, MAIN_FORKNUM, page, guess))
        return guess;
    return p->buffers[page] = ReadBufferExtended(table, MAIN_FORKNUM, page, RBM_NORMAL, NULL);
}

/* How far behind this page the next one lies, as far as is known; 0: it is not. A wrong guess costs some time. */
static ptrdiff_t distance(const place *p, BlockNumber page, BlockNumber end)
{
    if (page + 1 >= end || !BufferIsValid(p->buffers[page + 1]) || BufferIsLocal(p->buffers[page + 1]))
        return 0;
    return (char *)BufferGetBlock(p->buffers[page + 1]) - (char *)BufferGetBlock(p->buffers[page]);
}

/* Fetches what is read of the next page before its codes are: its head, and the head of a row that lies as this one. */
static void fetch_heads(Page page, const HeapTupleData *row, ptrdiff_t ahead)
{
    __builtin_prefetch((char *)page + ahead);
    __builtin_prefetch((char *)row->t_data + ahead);
}

/* The rows of a page that are seen; the buffer is pinned, so that they stay where they are. */
static int seen_rows(Relation table, Snapshot snapshot, Buffer buffer, HeapTuple rows)
{
    int count = 0;
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    Page page = BufferGetPage(buffer);
    const bool all = PageIsAllVisible(page) && !snapshot->takenDuringRecovery;
    for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++) {
        ItemId item = PageGetItemId(page, i);
        if (!ItemIdIsNormal(item))
            continue;
        HeapTuple row = &rows[count];
        row->t_len = ItemIdGetLength(item);
        row->t_data = (HeapTupleHeader)PageGetItem(page, item);
        row->t_tableOid = RelationGetRelid(table);
        ItemPointerSet(&row->t_self, BufferGetBlockNumber(buffer), i);
        const bool seen = all || HeapTupleSatisfiesVisibility(row, snapshot, buffer);
        HeapCheckForSerializableConflictOut(seen, table, row, buffer, snapshot);
        count += seen;
    }
    LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
    return count;
}

void ext_scan(Relation table, int part, int parts, ext_row_fn each, void *context)
{
    Snapshot snapshot = GetActiveSnapshot();
    const uint64 pages = RelationGetNumberOfBlocks(table);
    const BlockNumber first = (BlockNumber)(pages * (uint64)part / (uint64)parts),
                      end = (BlockNumber)(pages * (uint64)(part + 1) / (uint64)parts);
    HeapTupleData *rows = palloc(MaxHeapTuplesPerPage * sizeof *rows);
    Datum values[EXT_COLUMNS];
    bool nulls[EXT_COLUMNS];
    ext_row row = {values, nulls, 0};
    place *p = place_of(table, (BlockNumber)pages);
    PredicateLockRelation(table, snapshot);
    for (BlockNumber page = first; page < end; page++) {
        CHECK_FOR_INTERRUPTS();
        const Buffer buffer = read_page(table, p, page);
        const int count = seen_rows(table, snapshot, buffer, rows);
        row.ahead = distance(p, page, end);
        if (row.ahead && count > 0)
            fetch_heads(BufferGetPage(buffer), rows, row.ahead);
        for (int i = 0; i < count; i++) {
            heap_deform_tuple(&rows[i], RelationGetDescr(table), values, nulls);
            each(context, &row);
        }
        ReleaseBuffer(buffer);
    }
    pfree(rows);
}
