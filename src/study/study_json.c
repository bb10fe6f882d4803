/* Documents from outside, member by member. */
#include "study/study.h"

#include <math.h>
#include <string.h>

enum { DOCUMENT_MAX = 1 << 20 };

static const char *const arm_names[SL_STUDY_ARMS] = {"none", "cc", "flow", "h2l", "trust"};

const char *sl_study_arm_name(sl_study_arm arm)
{
    return (unsigned)arm < SL_STUDY_ARMS ? arm_names[arm] : NULL;
}

int sl_study_arm_named(const char *name)
{
    for (int i = 0; name && i < SL_STUDY_ARMS; i++)
        if (strcmp(arm_names[i], name) == 0)
            return i;
    return -1;
}

sl_status sl_study_parse(const void *json, size_t size, const char *format, const char *what, json_t **out,
                         sl_error *err)
{
    json_error_t why;
    *out = NULL;
    if (size > DOCUMENT_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "%s of more than 1 MiB are refused", what);
    json_t *document = json_loadb(json, size, JSON_REJECT_DUPLICATES, &why);
    if (!document)
        return sl_fail(err, SL_ERR_FORMAT, "no %s: line %d: %s", what, why.line, why.text);
    const char *says = json_string_value(json_object_get(document, "format"));
    const json_t *version = json_object_get(document, "version");
    if (!says || strcmp(says, format) != 0)
        sl_fail(err, SL_ERR_FORMAT, "no %s: \"format\" is not \"%s\"", what, format);
    else if (!json_is_integer(version) || json_integer_value(version) != SL_STUDY_VERSION)
        sl_fail(err, SL_ERR_FORMAT, "%s of another version than %d", what, SL_STUDY_VERSION);
    else
        *out = document;
    if (*out)
        return SL_OK;
    json_decref(document);
    return SL_ERR_FORMAT;
}

const char *sl_study_text(const json_t *object, const char *name, size_t least, size_t most, sl_error *err)
{
    const json_t *value = json_object_get(object, name);
    const size_t size = json_string_length(value);
    if (json_is_string(value) && size >= least && size <= most)
        return json_string_value(value);
    sl_fail(err, SL_ERR_FORMAT, "\"%s\" is not a text of %zu to %zu bytes", name, least, most);
    return NULL;
}

long long sl_study_int(const json_t *object, const char *name, long long low, long long high, sl_error *err)
{
    const json_t *value = json_object_get(object, name);
    const long long number = json_integer_value(value);
    if (json_is_integer(value) && number >= low && number <= high)
        return number;
    sl_fail(err, SL_ERR_FORMAT, "\"%s\" is not a whole number from %lld to %lld", name, low, high);
    return -1;
}

const json_t *sl_study_array(const json_t *object, const char *name, size_t least, size_t most, sl_error *err)
{
    const json_t *value = json_object_get(object, name);
    const size_t size = json_array_size(value);
    if (json_is_array(value) && size >= least && size <= most)
        return value;
    sl_fail(err, SL_ERR_FORMAT, "\"%s\" is not a list of %zu to %zu", name, least, most);
    return NULL;
}

json_t *sl_study_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}
