/* A scratch folder in the models folder, `.fetch-XXXXXX`. Its owner holds a lock on it, which ends with the
 * process however that ends: a folder without a lock is a leftover. */
#ifndef SL_MODEL_SCRATCH_H
#define SL_MODEL_SCRATCH_H

#include "base/status.h"

typedef struct {
    char *path;
    int fd; /* of the folder; holds the lock */
} sl_scratch;

/* Removes what was killed before it could clean up. */
void sl_scratch_sweep(const char *dir);

sl_status sl_scratch_open(const char *dir, sl_scratch *out, sl_error *err);

/* Removes the folder and all in it. */
void sl_scratch_close(sl_scratch *scratch);

#endif
