/* One participant's answers, from a document that anybody may have written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "study/study.h"

enum { DAY_MS = 86400000, HASTY_MS = 200, SLOW_MS = 600000 };

static int by_name(const void *name, const void *pair)
{
    return strcmp(name, ((const sl_study_pair *)pair)->name);
}

static const sl_study_pair *pair_named(const sl_study *s, const char *name)
{
    return bsearch(name, s->all, (size_t)s->arm_count * (size_t)s->pairs, sizeof *s->all, by_name);
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

double sl_study_median(float *values, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[n++] = values[i];
    if (n == 0)
        return NAN;
    qsort(values, n, sizeof *values, by_value);
    return ((double)values[(n - 1) / 2] + (double)values[n / 2]) / 2;
}

void sl_participant_free(sl_participant *p)
{
    free(p->seconds);
    *p = (sl_participant){0};
}

/* ---- one answer ---- */

/* A document being read. */
typedef struct {
    const sl_study *study;
    int rotation;
    bool *seen; /* [pairs of all sets] */
    int arms_met;
    sl_sha256 digest;
    sl_participant *p;
} reading;

/* The place in study->arms of the arm that this pair is asked in; -1, and an error. */
static int arm_of(const reading *r, const json_t *answer, const sl_study_pair *pair, sl_error *err)
{
    const sl_study *s = r->study;
    const char *name = sl_study_text(answer, "arm", 1, 32, err);
    const int arm = (pair->set + r->rotation) % s->arm_count;
    if (name && strcmp(name, sl_study_arm_name(s->arms[arm])) == 0)
        return arm;
    if (name)
        sl_fail(err, SL_ERR_FORMAT, "the pair %s does not belong to the arm %s in this rotation", pair->name, name);
    return -1;
}

static const sl_study_pair *read_pair(const reading *r, const json_t *answer, sl_error *err)
{
    const char *name = sl_study_text(answer, "pair", SL_STUDY_NAME, SL_STUDY_NAME, err);
    const sl_study_pair *pair = name ? pair_named(r->study, name) : NULL;
    if (name && !pair)
        sl_fail(err, SL_ERR_FORMAT, "the study has no pair %s", name);
    if (!pair)
        return NULL;
    bool *seen = &r->seen[pair - r->study->all];
    if (*seen) {
        sl_fail(err, SL_ERR_FORMAT, "the pair %s is answered twice", name);
        return NULL;
    }
    *seen = true;
    return pair;
}

static void note_time(sl_participant *p, float *seconds, long long ms)
{
    p->sheet.hasty += ms < HASTY_MS;
    p->sheet.slow += ms > SLOW_MS;
    if (ms >= HASTY_MS && ms <= SLOW_MS)
        *seconds = (float)ms / 1000;
}

static sl_status read_answer(reading *r, const json_t *answer, sl_error *err)
{
    const sl_study *s = r->study;
    const json_t *same = json_object_get(answer, "same");
    const sl_study_pair *pair = read_pair(r, answer, err);
    const int arm = pair ? arm_of(r, answer, pair, err) : -1;
    const long long ms = arm < 0 ? -1 : sl_study_int(answer, "ms", 0, DAY_MS, err);
    if (ms < 0)
        return SL_ERR_FORMAT;
    if (!json_is_boolean(same))
        return sl_fail(err, SL_ERR_FORMAT, "\"same\" is neither true nor false");
    sl_study_part *part = &r->p->parts[arm];
    note_time(r->p, &r->p->seconds[arm * s->pairs + part->answered], ms);
    if (!part->place)
        part->place = ++r->arms_met;
    const bool yes = json_is_true(same);
    part->answered++;
    part->yes += yes;
    part->right += yes == pair->same;
    r->p->sheet.answers++;
    char line[64];
    const int n = snprintf(line, sizeof line, "%s %d %d %lld\n", pair->name, arm, yes, ms);
    sl_sha256_update(&r->digest, line, (size_t)n);
    return SL_OK;
}

/* ---- a document ---- */

static bool is_plain(const char *name)
{
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9') ||
              *name == '-' || *name == '_'))
            return false;
    return true;
}

static sl_status read_head(reading *r, const json_t *document, sl_error *err)
{
    const sl_study *s = r->study;
    const char *id = sl_study_text(document, "study", 64, 64, err);
    if (!id)
        return SL_ERR_FORMAT;
    if (strcmp(id, s->id) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "answers to another study (%.12s..., this is %.12s...)", id, s->id);
    const char *name = sl_study_text(document, "participant", 1, 64, err);
    if (!name)
        return SL_ERR_FORMAT;
    if (!is_plain(name))
        return sl_fail(err, SL_ERR_FORMAT, "\"participant\" has other characters than letters, digits, - and _");
    strcpy(r->p->sheet.participant, name);
    r->rotation = (int)sl_study_int(document, "rotation", 0, s->arm_count - 1, err);
    return r->rotation < 0 ? SL_ERR_FORMAT : SL_OK;
}

static sl_status read_all(reading *r, const json_t *document, sl_error *err)
{
    SL_TRY(read_head(r, document, err));
    const size_t all = (size_t)r->study->arm_count * (size_t)r->study->pairs;
    const json_t *list = sl_study_array(document, "answers", 0, all, err);
    if (!list)
        return SL_ERR_FORMAT;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (read_answer(r, json_array_get(list, i), err) != SL_OK)
            return sl_fail_in(err, SL_ERR_FORMAT, "answer %zu", i + 1);
    r->p->sheet.missing = all - json_array_size(list);
    sl_sha256_final(&r->digest, r->p->digest);
    return SL_OK;
}

static sl_status read_participant(const sl_study *s, const void *json, size_t size, sl_participant *out, sl_error *err)
{
    json_t *document;
    const size_t all = (size_t)s->arm_count * (size_t)s->pairs;
    *out = (sl_participant){0};
    SL_TRY(sl_study_parse(json, size, SL_STUDY_ANSWERS_FORMAT, "answers to a study", &document, err));
    reading r = {.study = s, .p = out, .seen = calloc(all, sizeof *r.seen)};
    sl_sha256_init(&r.digest);
    out->seconds = malloc(all * sizeof *out->seconds);
    sl_status status = r.seen && out->seconds ? SL_OK : sl_no_memory(err, "for a participant");
    for (size_t i = 0; status == SL_OK && i < all; i++)
        out->seconds[i] = NAN;
    if (status == SL_OK)
        status = read_all(&r, document, err);
    free(r.seen);
    json_decref(document);
    if (status != SL_OK)
        sl_participant_free(out);
    return status;
}

/* Whether this participant is known already, by the same answers. */
static sl_status compare_known(const sl_study *s, sl_participant *p, sl_error *err)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->people[i].sheet.participant, p->sheet.participant) != 0)
            continue;
        p->sheet.repeated = memcmp(s->people[i].digest, p->digest, sizeof p->digest) == 0;
        if (!p->sheet.repeated)
            return sl_fail(err, SL_ERR_EXISTS, "the participant %s has answered otherwise before: the first answers "
                           "count", p->sheet.participant);
    }
    if (!p->sheet.repeated && s->count >= SL_STUDY_PEOPLE_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "a study has at most %d participants", SL_STUDY_PEOPLE_MAX);
    return SL_OK;
}

static sl_status look_at(const sl_study *s, const void *json, size_t size, sl_participant *out, sl_error *err)
{
    SL_TRY(read_participant(s, json, size, out, err));
    sl_status status = compare_known(s, out, err);
    if (status != SL_OK)
        sl_participant_free(out);
    return status;
}

sl_status sl_study_check(const sl_study *s, const void *json, size_t size, sl_study_sheet *out, sl_error *err)
{
    sl_participant p;
    *out = (sl_study_sheet){0};
    SL_TRY(look_at(s, json, size, &p, err));
    *out = p.sheet;
    sl_participant_free(&p);
    return SL_OK;
}

sl_status sl_study_take(sl_study *s, const void *json, size_t size, sl_study_sheet *out, sl_error *err)
{
    sl_participant p;
    *out = (sl_study_sheet){0};
    SL_TRY(look_at(s, json, size, &p, err));
    *out = p.sheet;
    if (p.sheet.repeated) {
        sl_participant_free(&p);
        return SL_OK;
    }
    sl_participant *people = sl_with_room(s->people, s->count, &s->capacity, sizeof *people);
    if (!people) {
        sl_participant_free(&p);
        return sl_no_memory(err, "for a participant");
    }
    s->people = people;
    people[s->count++] = p;
    return SL_OK;
}
