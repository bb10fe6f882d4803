/* What the answers come to: accuracies by arm, and arms beside each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "eval/retrieval.h"
#include "study/study.h"

/* Scratch for the figures of one study. */
typedef struct {
    const sl_study *study;
    uint64_t seed;
    float *values;    /* [participants] in [0, 1], or differences of such */
    int *differences; /* [participants] right answers */
    float *times;     /* [participants, pairs] */
} figures;

static bool is_whole(const figures *f, size_t person, int arm)
{
    return f->study->people[person].parts[arm].answered == f->study->pairs;
}

static double deviation(const float *values, size_t count, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)values[i] - mean) * ((double)values[i] - mean);
    return count > 1 ? sqrt(sum / (double)(count - 1)) : NAN;
}

static sl_status score_arm(const figures *f, int arm, sl_study_arm_score *out, sl_error *err)
{
    const sl_study *s = f->study;
    const size_t pairs = (size_t)s->pairs;
    size_t n = 0, yes = 0;
    *out = (sl_study_arm_score){.arm = s->arms[arm], .mean = NAN, .std = NAN, .low = NAN, .high = NAN, .yes = NAN,
                                .seconds = NAN};
    for (size_t i = 0; i < s->count; i++) {
        const sl_study_part *part = &s->people[i].parts[arm];
        if (!is_whole(f, i, arm))
            continue;
        f->values[n] = (float)part->right / (float)pairs;
        yes += (size_t)part->yes;
        memcpy(f->times + n++ * pairs, s->people[i].seconds + (size_t)arm * pairs, pairs * sizeof *f->times);
    }
    out->participants = n;
    out->incomplete = s->count - n;
    if (n == 0)
        return SL_OK;
    sl_interval mean;
    SL_TRY(sl_bootstrap(f->values, n, 1, f->seed, 1, &mean, err));
    out->mean = mean.mean;
    out->low = mean.low;
    out->high = mean.high;
    out->std = 100 * deviation(f->values, n, mean.mean / 100);
    out->yes = 100 * (double)yes / (double)(n * pairs);
    out->seconds = sl_study_median(f->times, n * pairs);
    return SL_OK;
}

static sl_status compare_arms(const figures *f, int a, int b, sl_study_difference *out, sl_error *err)
{
    const sl_study *s = f->study;
    size_t n = 0;
    *out = (sl_study_difference){.a = s->arms[a], .b = s->arms[b], .difference = NAN, .low = NAN, .high = NAN,
                                 .p = NAN, .p_holm = NAN};
    for (size_t i = 0; i < s->count; i++) {
        if (!is_whole(f, i, a) || !is_whole(f, i, b))
            continue;
        f->differences[n] = s->people[i].parts[a].right - s->people[i].parts[b].right;
        f->values[n] = (float)f->differences[n] / (float)s->pairs;
        n++;
    }
    out->participants = n;
    if (n == 0)
        return SL_OK;
    sl_interval mean;
    SL_TRY(sl_bootstrap(f->values, n, 1, f->seed, 1, &mean, err));
    out->difference = mean.mean;
    out->low = mean.low;
    out->high = mean.high;
    out->p = sl_sign_flip_p(f->differences, n);
    return isnan(out->p) ? sl_no_memory(err, "for a permutation test") : SL_OK;
}

static void correct(sl_study_result *out)
{
    double p[SL_STUDY_DIFFERENCES], holm[SL_STUDY_DIFFERENCES];
    for (int i = 0; i < out->difference_count; i++)
        p[i] = out->differences[i].p;
    sl_holm(p, (size_t)out->difference_count, holm);
    for (int i = 0; i < out->difference_count; i++)
        out->differences[i].p_holm = holm[i];
}

static sl_status score(const figures *f, sl_study_result *out, sl_error *err)
{
    const sl_study *s = f->study;
    const int most = s->same > s->pairs - s->same ? s->same : s->pairs - s->same;
    *out = (sl_study_result){.participants = s->count, .pairs = s->pairs, .same = s->same, .arm_count = s->arm_count,
                             .chance = 100.0 * most / s->pairs};
    strcpy(out->id, s->id);
    for (size_t i = 0; i < s->count; i++) {
        out->missing += s->people[i].sheet.missing;
        out->hasty += s->people[i].sheet.hasty;
        out->slow += s->people[i].sheet.slow;
    }
    for (int a = 0; a < s->arm_count; a++)
        SL_TRY(score_arm(f, a, &out->arms[a], err));
    for (int a = 0; a < s->arm_count; a++)
        for (int b = 0; b < a; b++)
            SL_TRY(compare_arms(f, a, b, &out->differences[out->difference_count++], err));
    correct(out);
    return SL_OK;
}

sl_status sl_study_score(const sl_study *s, uint64_t seed, sl_study_result *out, sl_error *err)
{
    const size_t people = s->count + 1;
    figures f = {.study = s,
                 .seed = seed,
                 .values = malloc(people * sizeof *f.values),
                 .differences = malloc(people * sizeof *f.differences),
                 .times = malloc(people * (size_t)s->pairs * sizeof *f.times)};
    sl_status status =
        f.values && f.differences && f.times ? score(&f, out, err) : sl_no_memory(err, "for the figures of a study");
    free(f.values);
    free(f.differences);
    free(f.times);
    if (status != SL_OK)
        *out = (sl_study_result){0};
    return status;
}

/* ---- a line per participant and arm ---- */

static void add_line(sl_text *t, const sl_study *s, const sl_participant *p, int arm, float *times)
{
    const sl_study_part *part = &p->parts[arm];
    memcpy(times, p->seconds + arm * s->pairs, (size_t)s->pairs * sizeof *times);
    sl_text_add(t, "%s,%s,", p->sheet.participant, sl_study_arm_name(s->arms[arm]));
    if (part->place)
        sl_text_add(t, "%d", part->place);
    sl_text_add(t, ",%d,%d,%d,%d,", s->pairs, part->answered, part->right, part->yes);
    sl_text_add_csv_number(t, sl_study_median(times, (size_t)s->pairs));
    sl_text_add(t, "\r\n");
}

sl_status sl_study_csv(const sl_study *s, char **csv, sl_error *err)
{
    sl_text t = {0};
    float times[SL_STUDY_PAIRS_MAX];
    *csv = NULL;
    sl_text_add(&t, "participant,arm,place,pairs,answered,right,yes,seconds\r\n");
    for (size_t i = 0; i < s->count; i++)
        for (int a = 0; a < s->arm_count; a++)
            add_line(&t, s, &s->people[i], a, times);
    if (t.failed) {
        free(t.data);
        return sl_no_memory(err, "for the lines of a study");
    }
    *csv = t.data;
    return SL_OK;
}
