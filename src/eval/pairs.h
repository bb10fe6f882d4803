/* Lists of pairs to verify, by image id. */
#ifndef SL_EVAL_PAIRS_H
#define SL_EVAL_PAIRS_H

#include "base/status.h"
#include "secondlook_eval.h"

typedef struct {
    char *first, *second; /* image ids */
    int same;             /* 1: one person */
    int fold;
    size_t line; /* in the file, from 1 */
} sl_pair_line;

typedef struct {
    sl_pair_line *pairs;
    size_t count, capacity;
    int folds;
} sl_pair_list;

/* The forms of files that sl_eval_verify knows; `file` is for messages, which name the line. */
sl_status sl_pairs_parse(const char *text, size_t size, const char *file, sl_pair_list *out, sl_error *err);
void sl_pairs_free(sl_pair_list *list);

/* Adds a pair, whose ids become the list's, also where it fails: NULL for either is no memory. */
sl_status sl_pairs_add(sl_pair_list *list, const sl_pair_line *pair, const char *file, sl_error *err);

/* The same two photos cannot be one person in one line and two in another, nor a photo unlike itself. */
sl_status sl_pairs_check(const sl_pair_list *list, const char *file, sl_error *err);

/* ---- pairs_cfp.c: the protocol of CFP, a folder of folds ---- */

/* Images by number, from 1: lines "number path". The id is what follows the path's last "Images/". */
typedef struct {
    char **ids; /* [count] of number i + 1; NULL where there is no such line */
    size_t count;
} sl_cfp_images;
sl_status sl_cfp_images_parse(const char *text, size_t size, const char *file, sl_cfp_images *out, sl_error *err);
void sl_cfp_images_free(sl_cfp_images *images);

/* A fold's lines "number,number" of one kind, added to the list. */
sl_status sl_cfp_pairs_parse(const char *text, size_t size, const char *file, const sl_cfp_images *first,
                             const sl_cfp_images *second, int same, int fold, sl_pair_list *list, sl_error *err);

/* Protocol/Split/FF or FP: folds 01, 02 .. with same.txt and diff.txt; Pair_list_F.txt and, of FP for the second photo,
 * Pair_list_P.txt lie two folders above. */
sl_status sl_pairs_of_cfp(const char *split, sl_pair_list *out, sl_error *err);

#endif
