/* What the files of the extension share. It stands on src/base, src/template and src/match alone: kernels, codes and
 * looks, without networks, codecs and threads.
 *
 *     ext_gallery.c    a gallery's row, its tables, its faces by id
 *     ext_scan.c       a table's rows, page by page
 *     ext_top.c        stage 1       ext_identify.c    stage 2
 *     ext_pack.c       blocks        ext_check.c       what is sound       ext_scrub.c    bytes that nobody needs
 *
 * The library's statuses become ereport here (ext_try). What the library allocates is freed with a memory context
 * (ext_own), as an error or a cancelled query may leave from anywhere. */
#ifndef SL_POSTGRES_EXT_H
#define SL_POSTGRES_EXT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "template/patch_row.h"

/* Raises what the library said, unless it is SL_OK. */
void ext_try(sl_status status, const sl_error *err);

/* Has `release` called with `what` when the current memory context ends. */
void ext_own(void *what, void (*release)(void *what));

/* ---- a gallery ---- */

typedef struct {
    const char *name;
    Oid schema;
    const char *model;
    sl_template_shape shape; /* centre is palloc'd */
    bytea *cells;            /* statistics per cell as models statistics writes them; NULL: none */
    size_t bytes;            /* of a stored template: embedding [D] and patch row */
} ext_gallery;

/* Reads the row of gallery `name`; raises what is wrong. */
ext_gallery *ext_gallery_open(text *name);

/* Opens a table of the gallery for reading, if the caller may select from it. */
Relation ext_table_open(const ext_gallery *g, const char *table);

/* Calls `each` with every row that the query sees of part `part` of `parts` of a table's pages. The table has at most
 * EXT_COLUMNS columns. */
enum { EXT_COLUMNS = 4 };
typedef struct {
    const Datum *values; /* [columns] */
    const bool *nulls;
    ptrdiff_t ahead; /* a place in the next page lies so many bytes behind the same place in this one; 0: not known */
} ext_row;
typedef void (*ext_row_fn)(void *context, const ext_row *row);
void ext_scan(Relation table, int part, int parts, ext_row_fn each, void *context);

/* Reads templates by face. Pointers are valid until the next one is read. */
typedef struct {
    const ext_gallery *gallery;
    Relation table, index;
    IndexScanDesc scan;
    TupleTableSlot *slot;
    bytea *held; /* detoasted, NULL: in the page */
} ext_reader;

void ext_reader_open(ext_reader *r, const ext_gallery *g);
void ext_reader_close(ext_reader *r);

/* The bytes of a template; NULL: there is none, or it is not sound, of which a warning tells. */
const uint8_t *ext_reader_template(ext_reader *r, int64 face);

/* Why these cannot be the bytes of a template of the gallery; NULL: they can. */
const char *ext_template_fault(const ext_gallery *g, const uint8_t *bytes, size_t size);

/* ---- blocks ---- */

/* Rows of a full block, and whether it fits a page. */
int ext_block_rows(int dim, bool *fits);

/* What a block has to have: its codes as a view; raises where lengths are not what they must be. */
struct sl_scan_codes;
void ext_block_view(const ext_gallery *g, int n, float norm, bytea *ids, bytea *codes, struct sl_scan_codes *out);

/* ---- stage 1 ---- */

typedef struct {
    int64 face;
    float cosine;
} ext_hit;

/* The k best of each query [count, dim] among part `part` of `parts`: hits [count, k], counts [count]. */
void ext_top(const ext_gallery *g, const float *queries, int count, int k, int part, int parts, ext_hit *hits,
             int *counts);

#endif
