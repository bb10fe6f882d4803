/* Verification of listed pairs with the templates of a gallery. */
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "eval/metrics.h"
#include "eval/pairs.h"
#include "eval/scorer.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum { BLOCK = 256 };

/* Below every score: a pair with a photo that is not there is "different". */
static const float nowhere = -1;

typedef struct {
    const sl_gallery *gallery;
    const sl_verify_options *options;
    sl_pair_list list;
    sl_scorer scorer;
    uint32_t *first, *second;  /* [pairs] faces, UINT32_MAX: not in the gallery */
    sl_scored_pair *scored[3]; /* [pairs] by stage 1, by stage 2, by their mix */
} verification;

static void find(verification *v, const char *image, size_t line, uint32_t *face)
{
    size_t i;
    *face = sl_gallery_find(v->gallery, image, &i, NULL) == SL_OK ? (uint32_t)i : UINT32_MAX;
    if (*face == UINT32_MAX && v->options->missing)
        v->options->missing(v->options->context, line, image);
}

static size_t find_all(verification *v)
{
    size_t missing = 0;
    for (size_t i = 0; i < v->list.count; i++) {
        const sl_pair_line *pair = &v->list.pairs[i];
        find(v, pair->first, pair->line, &v->first[i]);
        find(v, pair->second, pair->line, &v->second[i]);
        missing += v->first[i] == UINT32_MAX || v->second[i] == UINT32_MAX;
    }
    return missing;
}

static sl_status score_pair(void *context, size_t i, int worker, sl_error *err)
{
    verification *v = context;
    const sl_pair_line *pair = &v->list.pairs[i];
    float stage1 = nowhere, stage2 = nowhere, mix = nowhere;
    if (v->first[i] != UINT32_MAX && v->second[i] != UINT32_MAX) {
        SL_TRY(sl_scorer_scores(&v->scorer, worker, v->first[i], &v->second[i], 1, &stage1, &stage2, err));
        mix = sl_scorer_mix(&v->scorer, stage1, stage2);
    }
    const float scores[3] = {stage1, stage2, mix};
    for (int k = 0; k < 3; k++)
        v->scored[k][i] = (sl_scored_pair){.score = scores[k], .same = pair->same, .fold = pair->fold};
    return SL_OK;
}

static sl_status write_csv(const verification *v, sl_error *err)
{
    sl_text t = {0};
    bool second = sl_looks_again(&v->options->match);
    sl_text_add(&t, "line,first,second,same,fold,missing,stage1,stage2,score\n");
    for (size_t i = 0; i < v->list.count; i++) {
        const sl_pair_line *pair = &v->list.pairs[i];
        bool missing = v->first[i] == UINT32_MAX || v->second[i] == UINT32_MAX;
        sl_text_add(&t, "%zu,", pair->line);
        sl_text_add_csv(&t, pair->first, v->options->csv_safe);
        sl_text_add(&t, ",");
        sl_text_add_csv(&t, pair->second, v->options->csv_safe);
        sl_text_add(&t, ",%d,%d,%d", pair->same, pair->fold, missing);
        for (int k = 0; k < 3; k++) {
            sl_text_add(&t, ",");
            if (!missing && (k != 1 || second))
                sl_text_add_csv_number(&t, (double)v->scored[k][i].score);
        }
        sl_text_add(&t, "\n");
    }
    sl_status status = t.failed ? sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its lines", v->options->csv)
                                : sl_write_file(v->options->csv, t.data, t.size, err);
    free(t.data);
    return status;
}

static sl_status verify(verification *v, const char *pairs_file, sl_verification *out, sl_error *err)
{
    size_t count = v->list.count;
    bool second = sl_looks_again(&v->options->match);
    v->first = sl_calloc_aligned(2 * count, sizeof *v->first);
    v->scored[0] = sl_calloc_aligned(3 * count, sizeof *v->scored[0]);
    if (!v->first || !v->scored[0])
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its pairs", pairs_file);
    v->second = v->first + count;
    v->scored[1] = v->scored[0] + count;
    v->scored[2] = v->scored[1] + count;
    out->pairs = count;
    out->missing = find_all(v);
    for (size_t i = 0; i < count; i++)
        out->same += v->list.pairs[i].same != 0;
    if (out->missing == count)
        return sl_fail(err, SL_ERR_NOT_FOUND,
                       "%s, line %zu: neither of this photo (%s) nor of any other pair both are in "
                       "the gallery: ids are paths relative to the folder enrolled",
                       pairs_file, v->list.pairs[0].line, v->list.pairs[0].first);
    SL_TRY(sl_scorer_open(v->gallery, v->gallery, &v->options->match, false, &v->scorer, err));
    SL_TRY(sl_scorer_run(&v->scorer, count, BLOCK, score_pair, v, v->options->progress, v->options->context, err));
    SL_TRY(sl_verify_rates_of(v->scored[0], count, v->list.folds, &out->stage1, err));
    if (second)
        SL_TRY(sl_verify_rates_of(v->scored[1], count, v->list.folds, &out->stage2, err));
    SL_TRY(sl_verify_rates_of(v->scored[2], count, v->list.folds, &out->score, err));
    return v->options->csv ? write_csv(v, err) : SL_OK;
}

/* A file of pairs, or the folder of CFP's folds. */
static sl_status read_pairs(const char *path, sl_pair_list *out, sl_error *err)
{
    struct stat st;
    uint8_t *text;
    size_t size;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return sl_pairs_of_cfp(path, out, err);
    SL_TRY(sl_read_file(path, (size_t)1 << 30, &text, &size, err));
    sl_status status = sl_pairs_parse((const char *)text, size, path, out, err);
    free(text);
    return status;
}

sl_status sl_eval_verify(const sl_gallery *gallery, const char *pairs_file, const sl_verify_options *options,
                         sl_verification *out, sl_error *err)
{
    verification v = {.gallery = gallery, .options = options};
    *out = (sl_verification){0};
    sl_status status = read_pairs(pairs_file, &v.list, err);
    if (status == SL_OK)
        status = verify(&v, pairs_file, out, err);
    sl_scorer_close(&v.scorer);
    free(v.first);
    free(v.scored[0]);
    sl_pairs_free(&v.list);
    if (status != SL_OK)
        sl_verification_free(out);
    return status;
}

void sl_verification_free(sl_verification *v)
{
    sl_verify_rates_free(&v->stage1);
    sl_verify_rates_free(&v->stage2);
    sl_verify_rates_free(&v->score);
    *v = (sl_verification){0};
}
