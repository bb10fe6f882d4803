/* What a run did, for people and programs: log.jsonl, a line a step, and charts made of it. */
#ifndef SL_TRAIN_RUN_LOG_H
#define SL_TRAIN_RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/status.h"
#include "secondlook_train.h"

/* What charts are made of, step by step. */
typedef struct {
    double step, loss, clean, covered; /* NaN: step 0 has no loss, and not every step is judged */
} sl_log_point;

typedef struct {
    char *path, *folder;
    FILE *file;
    sl_log_point *points;
    size_t count, capacity;
} sl_run_log;

/* Opens folder/log.jsonl anew; or goes on with it, without what it says of steps beyond `steps`, which will be
 * done again. */
sl_status sl_run_log_open(const char *folder, bool go_on, uint64_t steps, sl_run_log *out, sl_error *err);
void sl_run_log_close(sl_run_log *log);

/* One line: step, loss, rate, length, seconds, pictures, and where it was judged clean and covered. */
sl_status sl_run_log_add(sl_run_log *log, const sl_train_report *report, sl_error *err);

/* folder/loss.svg, and accuracy.svg once something was judged. */
sl_status sl_run_log_draw(const sl_run_log *log, sl_error *err);

#endif
