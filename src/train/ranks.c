#include "train/ranks.h"

#include <string.h>

#include "base/sha256.h"

enum { DIGEST = 32 };

/* Each rank's digest, and its squares: whole numbers whose sums a float holds exactly for up to 256 ranks. All are
 * the same where the sum of the squares is that of equal ones (Cauchy and Schwarz). */
sl_status sl_ranks_agree(const sl_train_ranks *ranks, const char *settings, sl_error *err)
{
    uint8_t digest[DIGEST];
    float sums[2 * DIGEST];
    if (sl_ranks_count(ranks) < 2)
        return SL_OK;
    sl_sha256_of(settings, strlen(settings), digest);
    for (int i = 0; i < DIGEST; i++) {
        sums[i] = digest[i];
        sums[DIGEST + i] = (float)digest[i] * digest[i];
    }
    SL_TRY(ranks->begin(ranks->context, sums, 2 * DIGEST, err));
    SL_TRY(ranks->finish(ranks->context, err));
    for (int i = 0; i < DIGEST; i++)
        if (sums[i] * sums[i] != (float)ranks->ranks * sums[DIGEST + i] ||
            sums[i] != (float)(digest[i] * ranks->ranks))
            return sl_fail(err, SL_ERR_MISMATCH,
                           "the ranks do not have the same settings, network and data: start all with one command "
                           "line, and let them see the same files");
    return SL_OK;
}

sl_status sl_ranks_begin_gradient(const sl_trainer *t, int param, sl_error *err)
{
    const sl_train_ranks *ranks = t->o.ranks;
    if (sl_ranks_count(ranks) < 2)
        return SL_OK;
    return ranks->begin(ranks->context, t->memory[param].sum, t->learner.params[param].count, err);
}

sl_status sl_ranks_finish(const sl_trainer *t, double *loss, sl_error *err)
{
    const sl_train_ranks *ranks = t->o.ranks;
    float sum = (float)*loss;
    if (sl_ranks_count(ranks) < 2)
        return SL_OK;
    for (int i = 0; i < t->learner.n_running; i++)
        SL_TRY(ranks->begin(ranks->context, t->learner.running[i].sum, t->learner.running[i].count, err));
    SL_TRY(ranks->begin(ranks->context, &sum, 1, err));
    SL_TRY(ranks->finish(ranks->context, err));
    *loss = (double)sum;
    return SL_OK;
}
