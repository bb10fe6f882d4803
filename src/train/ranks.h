/* What ranks do together (sl_train_ranks); all of it does nothing where there is one. */
#ifndef SL_TRAIN_RANKS_H
#define SL_TRAIN_RANKS_H

#include "train/trainer.h"

/* SL_ERR_MISMATCH where a rank has other settings or data. */
sl_status sl_ranks_agree(const sl_train_ranks *ranks, const char *settings, sl_error *err);

/* Begins to add up a gradient that is summed over this rank's runs. */
sl_status sl_ranks_begin_gradient(const sl_trainer *t, int param, sl_error *err);

/* Adds up the batches' statistics and the loss as well, and waits for all that was begun. */
sl_status sl_ranks_finish(const sl_trainer *t, double *loss, sl_error *err);

static inline int sl_ranks_count(const sl_train_ranks *ranks)
{
    return ranks ? ranks->ranks : 1;
}
static inline bool sl_ranks_writes(const sl_train_ranks *ranks)
{
    return !ranks || ranks->rank == 0;
}

#endif
