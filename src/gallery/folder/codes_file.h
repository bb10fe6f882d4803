/* codes.N: the 8-bit codes (match/stage1/codes.h) of a generation's rows, so that the first search need not make them.
 *
 *     | header | group 0: rows 0 .. 15 | group 1: rows 16 .. 31 | ...        rows % 16 are coded when they are searched
 *
 * It is derived and optional: each group has a checksum, and the checksum that the log had behind its last row, so
 * codes of other rows are told from these. Whoever meets a group that does not hold goes without the file. */
#ifndef SL_FOLDER_CODES_FILE_H
#define SL_FOLDER_CODES_FILE_H

#include <stdatomic.h>

#include "base/ticker.h"
#include "gallery/folder/datafile.h"
#include "match/match.h"
#include "match/stage1/codes.h"

struct sl_folder;

/* What the guard of a block knows. */
typedef struct {
    const struct sl_folder *gallery;
    uint32_t first; /* row of the block */
} sl_codes_side;

typedef struct {
    sl_datafile file;      /* fd -1: there is none that is of this generation */
    uint32_t rows;         /* committed ones that have codes there: whole groups */
    _Atomic uint8_t *held; /* [rows / 16] 1: the group was checked */
    uint32_t room;         /* groups in `held` */
    atomic_bool damaged;   /* a group does not hold */

    sl_scan_codes stored, tail; /* of rows [0, rows) and of those behind them */
    sl_codes_side sides[2];
    sl_scan_guard guards[2];
    sl_scan_block blocks[2];    /* of both */
    uint32_t tail_end;          /* rows when all of this was made; 0: it must be made anew */
} sl_codes_file;

/* Bytes of a group in the file. */
size_t sl_codes_stride(int dim);

/* A new generation's file, empty. */
sl_status sl_codes_create(struct sl_folder *g, sl_error *err);

/* Takes up the file that is there, or none. */
void sl_codes_open(struct sl_folder *g);

/* The same of a reader that follows what is written. */
void sl_codes_follow(struct sl_folder *g);

/* Writes the codes of rows that have none and makes them durable; for a commit, whose ADD records are written. Where it
 * cannot, the handle goes on without. `ticker` (NULL: none) is told rows. */
sl_status sl_codes_append(struct sl_folder *g, sl_ticker *ticker, sl_error *err);

/* Cuts off codes of rows that are not committed. */
void sl_codes_cut(struct sl_folder *g);

/* Every group: SL_ERR_CORRUPT names the first that does not hold. */
sl_status sl_codes_check(const struct sl_folder *g, sl_error *err);

void sl_codes_close(sl_codes_file *codes);

/* sl_gallery_kind.coded */
sl_status sl_folder_coded(sl_gallery *gallery, sl_scan_block blocks[2], size_t *count, sl_error *err);

#endif
