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
    size_t count;
    int folds;
} sl_pair_list;

/* The forms that sl_eval_verify knows; `file` is for messages, which name the line. */
sl_status sl_pairs_parse(const char *text, size_t size, const char *file, sl_pair_list *out, sl_error *err);
void sl_pairs_free(sl_pair_list *list);

#endif
