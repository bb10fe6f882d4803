#define _GNU_SOURCE
#include "face/landmark_groups.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MOST_BYTES = 64 << 10, LIP = 12, OUTER = 7, INNER = LIP - OUTER };

static const struct {
    const char *name;
    int first, count;
} groups[] = {{"chin", 0, 17},        {"left_eyebrow", 17, 5}, {"right_eyebrow", 22, 5}, {"nose_bridge", 27, 4},
              {"nose_tip", 31, 5},    {"left_eye", 36, 6},     {"right_eye", 42, 6}};

static sl_status read_point(const json_t *pair, const char *group, sl_point *out, sl_error *err)
{
    const json_t *x = json_array_get(pair, 0), *y = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || !json_is_number(x) || !json_is_number(y))
        return sl_fail(err, SL_ERR_FORMAT, "\"%s\" holds what is no pair [x, y]", group);
    const double at[2] = {json_number_value(x), json_number_value(y)};
    for (int i = 0; i < 2; i++)
        if (!(fabs(at[i]) <= 1e6))
            return sl_fail(err, SL_ERR_FORMAT, "\"%s\" has a point at %g", group, at[i]);
    *out = (sl_point){(float)at[0], (float)at[1]};
    return SL_OK;
}

static sl_status read_group(const json_t *face, const char *name, int count, sl_point *out, sl_error *err)
{
    const json_t *group = json_object_get(face, name);
    if (!json_is_array(group))
        return sl_fail(err, SL_ERR_FORMAT, "there is no \"%s\": nine groups of points make a face", name);
    if (json_array_size(group) != (size_t)count)
        return sl_fail(err, SL_ERR_FORMAT, "\"%s\" has %zu points, not %d", name, json_array_size(group), count);
    for (int i = 0; i < count; i++)
        SL_TRY(read_point(json_array_get(group, (size_t)i), name, &out[i], err));
    return SL_OK;
}

static double distance(sl_point a, sl_point b)
{
    return hypot((double)a.x - (double)b.x, (double)a.y - (double)b.y);
}

/* top: 48 .. 54, then 60 .. 64 or 64 .. 60; bottom: 54 .. 59, 48, then 64 .. 67, 60 or 60, 67 .. 64. Which of them the
 * inner edges do is told by the corner of the mouth that they begin at. */
static sl_status take_lips(const sl_point top[LIP], const sl_point bottom[LIP], sl_point out[68], sl_error *err)
{
    if (distance(top[0], bottom[OUTER - 1]) > 1e-3 || distance(top[OUTER - 1], bottom[0]) > 1e-3 ||
        distance(top[OUTER], bottom[LIP - 1]) > 1e-3 || distance(top[LIP - 1], bottom[OUTER]) > 1e-3)
        return sl_fail(err, SL_ERR_FORMAT, "the lips do not meet in the corners of the mouth");
    const bool onward = distance(top[OUTER], top[0]) <= distance(top[OUTER], top[OUTER - 1]);
    for (int i = 0; i < OUTER; i++)
        out[48 + i] = top[i];
    for (int i = 1; i < OUTER - 1; i++)
        out[54 + i] = bottom[i];
    for (int i = 0; i < INNER; i++)
        out[60 + i] = top[onward ? OUTER + i : LIP - 1 - i];
    for (int i = 1; i < INNER - 1; i++)
        out[64 + i] = bottom[onward ? OUTER + i : LIP - 1 - i];
    return SL_OK;
}

static sl_status read_face(const json_t *face, sl_point out[68], sl_error *err)
{
    sl_point top[LIP], bottom[LIP];
    if (!json_is_object(face))
        return sl_fail(err, SL_ERR_FORMAT, "no JSON object: nine groups of points make a face");
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        SL_TRY(read_group(face, groups[g].name, groups[g].count, out + groups[g].first, err));
    SL_TRY(read_group(face, "top_lip", LIP, top, err));
    SL_TRY(read_group(face, "bottom_lip", LIP, bottom, err));
    return take_lips(top, bottom, out, err);
}

sl_status sl_landmark_groups_parse(const void *text, size_t size, sl_point out[68], sl_error *err)
{
    json_error_t why;
    if (size > MOST_BYTES)
        return sl_fail(err, SL_ERR_LIMIT, "landmarks of %zu bytes: more than %d", size, MOST_BYTES);
    json_t *face = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!face)
        return sl_fail(err, SL_ERR_FORMAT, "no JSON: %s", why.text);
    sl_status status = read_face(face, out, err);
    json_decref(face);
    return status;
}

sl_status sl_landmark_groups_read(const char *path, sl_point out[68], sl_error *err)
{
    uint8_t *text;
    size_t size;
    SL_TRY(sl_read_file(path, MOST_BYTES, &text, &size, err));
    sl_status status = sl_landmark_groups_parse(text, size, out, err);
    free(text);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", path);
}

/* "folder/NAME.json", malloc'd. */
static char *path_of(const char *folder, const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(name, '.');
    const int length = dot && dot > (slash ? slash : name) ? (int)(dot - name) : (int)strlen(name);
    char *path;
    return asprintf(&path, "%s/%.*s.json", folder, length, name) < 0 ? NULL : path;
}

sl_status sl_landmark_groups_of(const char *folder, const char *image, sl_point out[68], sl_error *err)
{
    const char *slash = strrchr(image, '/');
    char *by_id = path_of(folder, image), *by_name = path_of(folder, slash ? slash + 1 : image);
    sl_status status = by_id && by_name ? sl_landmark_groups_read(by_id, out, err)
                                        : sl_fail(err, SL_ERR_MEMORY, "no memory for a path");
    if (status == SL_ERR_NOT_FOUND && slash)
        status = sl_landmark_groups_read(by_name, out, err);
    if (status == SL_ERR_NOT_FOUND && slash)
        sl_fail(err, status, "%s: no landmarks: neither %s nor %s is there", image, by_id, by_name);
    free(by_id);
    free(by_name);
    return status;
}
