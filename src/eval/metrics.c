/* Verification by folds: the best threshold of nine on the tenth, curves, equal error rate. */
#include "eval/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "secondlook_eval.h"

static int by_score(const void *a, const void *b)
{
    const sl_scored_pair *x = a, *y = b;
    return x->score < y->score ? -1 : x->score > y->score;
}

/* The threshold (same: score >= t) most accurate on the sorted pairs that are not of `fold`: halfway between two
 * neighbouring scores, the lowest of equally good ones. */
static double best_threshold(const sl_scored_pair *sorted, size_t count, int fold)
{
    long right = 0; /* with t below all: every "same" is right */
    for (size_t i = 0; i < count; i++)
        right += sorted[i].fold != fold && sorted[i].same;
    long best = -1;
    double threshold = 0, previous = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (sorted[i].fold == fold)
            continue;
        if (sorted[i].score > previous && right > best) {
            best = right;
            threshold = isinf(previous) ? (double)sorted[i].score : (previous + (double)sorted[i].score) / 2;
        }
        previous = (double)sorted[i].score;
        right += sorted[i].same ? -1 : 1;
    }
    return right > best ? nextafter(previous, INFINITY) : threshold;
}

static void cross_validate(const sl_scored_pair *sorted, size_t count, int folds, sl_verify_rates *out)
{
    double sum = 0, squares = 0, thresholds = 0;
    int used = 0;
    for (int fold = 0; fold < folds; fold++) {
        double t = best_threshold(sorted, count, fold);
        size_t right = 0, all = 0;
        for (size_t i = 0; i < count; i++)
            if (sorted[i].fold == fold) {
                right += ((double)sorted[i].score >= t) == (sorted[i].same != 0);
                all++;
            }
        if (!all)
            continue;
        double accuracy = 100.0 * (double)right / (double)all;
        sum += accuracy;
        squares += accuracy * accuracy;
        thresholds += t;
        used++;
    }
    double mean = sum / used, variance = squares / used - mean * mean;
    out->accuracy = mean;
    out->std = sqrt(variance > 0 ? variance : 0);
    out->threshold = thresholds / used;
}

/* Of all pairs at once: no fold is -1. */
static void fit_all(const sl_scored_pair *sorted, size_t count, sl_verify_rates *out)
{
    size_t right = 0;
    out->best_threshold = best_threshold(sorted, count, -1);
    for (size_t i = 0; i < count; i++)
        right += ((double)sorted[i].score >= out->best_threshold) == (sorted[i].same != 0);
    out->best_accuracy = 100.0 * (double)right / (double)count;
}

/* ---- every threshold ---- */

/* The part of a curve that is kept: a point for every step of a fiftieth of a decade of FAR or .2 % of TAR. */
static bool is_far_enough(const sl_verify_rates *r, double far, double tar)
{
    size_t last = r->points - 1; /* there is one: the threshold above all */
    double before = r->far[last];
    bool decade = before > 0 ? log10(far / before) >= .02 : far > 0;
    return decade || tar - r->tar[last] >= .002;
}

static void add_point(sl_verify_rates *r, double threshold, double far, double tar)
{
    r->thresholds[r->points] = threshold;
    r->far[r->points] = far;
    r->tar[r->points++] = tar;
}

/* Walks the thresholds from the highest score down, one group of equal scores at a time. */
static void operating_points(const sl_scored_pair *sorted, size_t count, sl_verify_rates *out)
{
    static const double rates[4] = {.1, .01, .001, .0001};
    double same = 0, different = 0, true_matches = 0, false_matches = 0, gap = INFINITY;
    for (size_t i = 0; i < count; i++)
        *(sorted[i].same ? &same : &different) += 1;
    for (int k = 0; k < 4; k++)
        out->tar_at_far[k] = rates[k] * different * (1 + 1e-12) >= 1 ? 0 : (double)NAN;
    add_point(out, nextafter((double)sorted[count - 1].score, INFINITY), 0, 0);
    for (size_t i = count; i-- > 0;) {
        *(sorted[i].same ? &true_matches : &false_matches) += 1;
        if (i > 0 && sorted[i - 1].score == sorted[i].score)
            continue;
        double far = false_matches / different, tar = true_matches / same;
        for (int k = 0; k < 4; k++)
            if (far <= rates[k] && !isnan(out->tar_at_far[k]))
                out->tar_at_far[k] = 100 * tar;
        if (fabs(far - (1 - tar)) < gap) {
            gap = fabs(far - (1 - tar));
            out->eer = 100 * (far + 1 - tar) / 2;
        }
        if (i == 0 || is_far_enough(out, far, tar))
            add_point(out, (double)sorted[i].score, far, tar);
    }
}

sl_status sl_verify_rates_of(const sl_scored_pair *pairs, size_t count, int folds, sl_verify_rates *out,
                             sl_error *err)
{
    size_t same = 0;
    *out = (sl_verify_rates){0};
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(pairs[i].score))
            return sl_fail(err, SL_ERR_NUMERIC, "pair %zu has no finite score", i + 1);
        same += pairs[i].same != 0;
    }
    if (same == 0 || same == count || folds < 2)
        return sl_fail(err, SL_ERR_ARGUMENT, "verification needs pairs of both kinds and at least two folds");
    sl_scored_pair *sorted = sl_calloc_aligned(count, sizeof *sorted);
    out->thresholds = sl_calloc_aligned(3 * (count + 1), sizeof *out->thresholds);
    if (!sorted || !out->thresholds) {
        free(sorted);
        sl_verify_rates_free(out);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu pairs", count);
    }
    out->far = out->thresholds + count + 1;
    out->tar = out->far + count + 1;
    memcpy(sorted, pairs, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_score);
    cross_validate(sorted, count, folds, out);
    fit_all(sorted, count, out);
    operating_points(sorted, count, out);
    free(sorted);
    return SL_OK;
}

void sl_verify_rates_free(sl_verify_rates *r)
{
    free(r->thresholds); /* the other curves lie behind it */
    *r = (sl_verify_rates){0};
}
