/* Landmarks in nine groups: which point of the 68 each is, in both orders of the lips, and what is refused. */
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "face/landmark_groups.h"

static sl_error err;

enum { TEXT = 8192 };

/* A face that is none, but whose points are all different: landmark i at (i, 100 + i / 10), but that the inner corners
 * of the mouth, 60 and 64, lie below the outer ones, 48 and 54. */
static void add_group(char *text, const char *name, const int *points, int count)
{
    char *at = text + strlen(text);
    at += sprintf(at, "%s\"%s\": [", at == text ? "{" : ", ", name);
    for (int i = 0; i < count; i++)
        at += sprintf(at, "%s[%d, %.1f]", i ? ", " : "", points[i] == 60 ? 48 : points[i] == 64 ? 54 : points[i],
                      100 + points[i] / 10.);
    strcpy(at, "]");
}

static void add_row(char *text, const char *name, int first, int count)
{
    int points[17];
    for (int i = 0; i < count; i++)
        points[i] = first + i;
    add_group(text, name, points, count);
}

/* The published files go along both edges of the upper lip from left to right; face_recognition goes back. */
static void make_face(char *text, bool back)
{
    static const int top[2][12] = {{48, 49, 50, 51, 52, 53, 54, 60, 61, 62, 63, 64},
                                   {48, 49, 50, 51, 52, 53, 54, 64, 63, 62, 61, 60}};
    static const int bottom[2][12] = {{54, 55, 56, 57, 58, 59, 48, 64, 65, 66, 67, 60},
                                      {54, 55, 56, 57, 58, 59, 48, 60, 67, 66, 65, 64}};
    *text = '\0';
    add_row(text, "left_eyebrow", 17, 5);
    add_row(text, "right_eyebrow", 22, 5);
    add_row(text, "nose_bridge", 27, 4);
    add_row(text, "nose_tip", 31, 5);
    add_row(text, "left_eye", 36, 6);
    add_row(text, "right_eye", 42, 6);
    add_group(text, "top_lip", top[back], 12);
    add_group(text, "bottom_lip", bottom[back], 12);
    add_row(text, "chin", 0, 17);
    strcat(text, "}");
}

static void check_face(const sl_point found[68])
{
    for (int i = 0; i < 68; i++) {
        assert_float_equal(found[i].x, i == 60 ? 48 : i == 64 ? 54 : i, 0);
        assert_float_equal(found[i].y, (float)(100 + i / 10.), 0);
    }
}

static void each_point_has_its_place(void **state)
{
    (void)state;
    char text[TEXT];
    for (int back = 0; back < 2; back++) {
        sl_point found[68];
        memset(found, 0xff, sizeof found);
        make_face(text, back);
        assert_ok(sl_landmark_groups_parse(text, strlen(text), found, &err));
        check_face(found);
    }
}

/* Changes the first `from` into `to` and is refused with `why`. */
static void refused(const char *from, const char *to, const char *why)
{
    char text[TEXT], changed[2 * TEXT];
    sl_point found[68];
    make_face(text, false);
    char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(sl_landmark_groups_parse(changed, strlen(changed), found, &err), SL_ERR_FORMAT);
    if (!strstr(err.text, why))
        fail_msg("'%s' is not in '%s'", why, err.text);
}

static void what_is_no_face_is_refused(void **state)
{
    (void)state;
    refused("{", "[", "no JSON");
    refused("chin", "jaw", "there is no \"chin\"");
    refused("[27, 102.7], ", "", "\"nose_bridge\" has 3 points, not 4");
    refused("[27, 102.7]", "[27, 102.7, 1]", "no pair");
    refused("[27, 102.7]", "[27, \"127\"]", "no pair");
    refused("[27, 102.7]", "[27, 1e7]", "point at 1e+07");
    refused("[48, 104.8]", "[47, 104.8]", "do not meet");
    refused("\"nose_tip\"", "\"chin\": [], \"nose_tip\"", "no JSON"); /* twice */
    sl_point found[68];
    assert_int_equal(sl_landmark_groups_parse("[]", 2, found, &err), SL_ERR_FORMAT);
    char *large = calloc(1, 70000);
    assert_int_equal(sl_landmark_groups_parse(memset(large, ' ', 70000), 70000, found, &err), SL_ERR_LIMIT);
    free(large);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void by_id_else_by_name(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), path[600], text[TEXT];
    sl_point found[68];
    make_face(text, false);
    snprintf(path, sizeof path, "%s/Ann.B", dir);
    assert_int_equal(mkdir(path, 0777), 0);
    write_text(dir, "Ann.B/1.json", text);
    assert_ok(sl_landmark_groups_of(dir, "Ann.B/1.jpg", found, &err));
    check_face(found);
    write_text(dir, "2.json", text);
    assert_ok(sl_landmark_groups_of(dir, "Ann.B/2.png", found, &err));
    assert_ok(sl_landmark_groups_of(dir, "2", found, &err));
    assert_int_equal(sl_landmark_groups_of(dir, "Ann.B/3", found, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "Ann.B/3.json"));
    assert_non_null(strstr(err.text, "/3.json is there"));
    write_text(dir, "Ann.B/4.json", "{}"); /* a bad one does not pass for one that is not there */
    write_text(dir, "4.json", text);
    assert_int_equal(sl_landmark_groups_of(dir, "Ann.B/4.jpg", found, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "Ann.B/4.json: there is no \"chin\""));
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_point_has_its_place),
        cmocka_unit_test(what_is_no_face_is_refused),
        cmocka_unit_test(by_id_else_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
