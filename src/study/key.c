/* The key of a study: which pairs there are, in which set, and which are of one person. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "study/study.h"

enum { KEY_MAX = 1 << 20 };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const sl_study_pair *)a)->name, ((const sl_study_pair *)b)->name);
}

static bool is_hex(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == 0;
}

static sl_status read_arms(const json_t *document, sl_study *s, sl_error *err)
{
    const json_t *list = sl_study_array(document, "arms", 1, SL_STUDY_ARMS, err);
    if (!list)
        return SL_ERR_FORMAT;
    bool seen[SL_STUDY_ARMS] = {false};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const int arm = sl_study_arm_named(json_string_value(json_array_get(list, i)));
        if (arm < 0 || seen[arm])
            return sl_fail(err, SL_ERR_FORMAT, "\"arms\": number %zu is no arm, or is there twice", i + 1);
        seen[arm] = true;
        s->arms[s->arm_count++] = (sl_study_arm)arm;
    }
    return SL_OK;
}

static sl_status read_pair(const json_t *object, int set, sl_study_pair *pair, sl_error *err)
{
    const char *name = sl_study_text(object, "pair", SL_STUDY_NAME, SL_STUDY_NAME, err);
    const json_t *same = json_object_get(object, "same");
    if (!name)
        return SL_ERR_FORMAT;
    if (!is_hex(name) || !json_is_boolean(same))
        return sl_fail(err, SL_ERR_FORMAT, "\"pair\" is not %d hex digits, or \"same\" neither true nor false",
                       SL_STUDY_NAME);
    strcpy(pair->name, name);
    pair->same = json_is_true(same);
    pair->set = set;
    return SL_OK;
}

/* All sets have as many pairs, and as many of one person, as the first. */
static sl_status read_set(const json_t *object, int set, sl_study *s, sl_error *err)
{
    const json_t *list = sl_study_array(object, "pairs", 2, SL_STUDY_PAIRS_MAX, err);
    int same = 0;
    if (!list)
        return sl_fail_in(err, SL_ERR_FORMAT, "set %d", set + 1);
    const size_t count = json_array_size(list);
    if (set == 0) {
        s->pairs = (int)count;
        s->all = sl_calloc_aligned(count * (size_t)s->arm_count, sizeof *s->all);
        if (!s->all)
            return sl_no_memory(err, "for the pairs of a study");
    }
    if (count != (size_t)s->pairs)
        return sl_fail(err, SL_ERR_FORMAT, "set %d has %zu pairs, the first has %d", set + 1, count, s->pairs);
    for (size_t i = 0; i < count; i++) {
        sl_study_pair *pair = &s->all[(size_t)set * count + i];
        if (read_pair(json_array_get(list, i), set, pair, err) != SL_OK)
            return sl_fail_in(err, SL_ERR_FORMAT, "set %d, pair %zu", set + 1, i + 1);
        same += pair->same;
    }
    if (set == 0)
        s->same = same;
    return same == s->same ? SL_OK
                           : sl_fail(err, SL_ERR_FORMAT, "set %d has %d pairs of one person, the first has %d", set + 1,
                                     same, s->same);
}

static sl_status read_key(const json_t *document, sl_study *s, sl_error *err)
{
    const char *id = sl_study_text(document, "study", 64, 64, err);
    if (!id)
        return SL_ERR_FORMAT;
    if (!is_hex(id))
        return sl_fail(err, SL_ERR_FORMAT, "\"study\" is not 64 hex digits");
    strcpy(s->id, id);
    SL_TRY(read_arms(document, s, err));
    const json_t *sets = sl_study_array(document, "sets", (size_t)s->arm_count, (size_t)s->arm_count, err);
    if (!sets)
        return SL_ERR_FORMAT;
    for (int i = 0; i < s->arm_count; i++)
        SL_TRY(read_set(json_array_get(sets, (size_t)i), i, s, err));
    const size_t count = (size_t)s->arm_count * (size_t)s->pairs;
    qsort(s->all, count, sizeof *s->all, by_name);
    for (size_t i = 1; i < count; i++)
        if (by_name(&s->all[i - 1], &s->all[i]) == 0)
            return sl_fail(err, SL_ERR_FORMAT, "the pair %s is there twice", s->all[i].name);
    return SL_OK;
}

sl_status sl_study_of_key(const void *json, size_t size, sl_study **out, sl_error *err)
{
    json_t *document;
    *out = NULL;
    SL_TRY(sl_study_parse(json, size, SL_STUDY_KEY_FORMAT, "key of a study", &document, err));
    sl_study *s = calloc(1, sizeof *s);
    sl_status status = s ? read_key(document, s, err) : sl_no_memory(err, "for a study");
    json_decref(document);
    if (status == SL_OK)
        *out = s;
    else
        sl_study_close(s);
    return status;
}

sl_status sl_study_open(const char *folder, sl_study **out, sl_error *err)
{
    uint8_t *data;
    size_t size;
    *out = NULL;
    char *path = sl_path_join(folder, SL_STUDY_KEY_FILE);
    if (!path)
        return sl_no_memory(err, "for a study");
    sl_status status = sl_read_file(path, KEY_MAX, &data, &size, err);
    if (status == SL_OK) {
        status = sl_study_of_key(data, size, out, err);
        free(data);
        if (status != SL_OK)
            sl_fail_in(err, status, "%s", path);
    }
    free(path);
    return status;
}

void sl_study_close(sl_study *s)
{
    for (size_t i = 0; s && i < s->count; i++)
        sl_participant_free(&s->people[i]);
    if (s) {
        free(s->people);
        free(s->all);
    }
    free(s);
}

const char *sl_study_id(const sl_study *s)
{
    return s->id;
}
