/* A report of an answer that a learned look gave: its data are the heats, and the curves of hiding by relevance. */
#include "drawn_faces.h"
#include "small_look.h"

#include <jansson.h>

#include "base/file.h"

enum { FACES = 4 };

static sl_error err;

static sl_gallery *make_gallery(void)
{
    const sl_template_shape shape = {.dim = SMALL_WIDTH,
                                     .rows = SMALL_ROWS,
                                     .cols = SMALL_COLS,
                                     .channels = SMALL_WIDTH,
                                     .format = SL_PATCHES_F32};
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < FACES; i++) {
        char name[16];
        float patches[SMALL_CELLS * SMALL_WIDTH];
        snprintf(name, sizeof name, "p%d", i);
        fill_random(patches, SMALL_CELLS * SMALL_WIDTH, (uint64_t)i, -1, 1);
        sl_template *t = small_template(patches);
        const sl_entry entry = {.label = name, .image = name};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

static json_t *data_of(const char *path)
{
    uint8_t *page;
    size_t size;
    assert_ok(sl_read_file(path, (size_t)1 << 26, &page, &size, &err));
    char *line = strstr((char *)page, "id=\"data\">\n") + strlen("id=\"data\">\n");
    *strchr(line, '\n') = 0;
    json_t *data = json_loads(line, 0, NULL);
    assert_non_null(data);
    free(page);
    return data;
}

static void assert_numbers(const json_t *list, const float *values, size_t count)
{
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++)
        assert_true(fabs(json_number_value(json_array_get(list, i)) - (double)values[i]) < 1e-6);
}

static void check_report(const char *arch_name, int depth, bool tokens, bool attention)
{
    const sl_arch arch = small_arch_of(arch_name, depth, 26, false, SL_VIT_PUBLISHED);
    float patches[SMALL_CELLS * SMALL_WIDTH];
    char *dir = make_temp_dir(), path[600];
    sl_look *look = small_look(&arch);
    sl_gallery *g = make_gallery();
    const sl_match_options o = small_options(look);
    sl_answer answer;
    sl_template *other;
    sl_heat heat;
    fill_random(patches, SMALL_CELLS * SMALL_WIDTH, 77, -1, 1);
    sl_template *query = small_template(patches);
    answer_by_comparing(g, query, &o, -1, FACES, &answer);
    const sl_case one = {.query_name = "somebody.jpg", .query = query, .gallery = g, .answer = &answer};
    snprintf(path, sizeof path, "%s/report.html", dir);
    assert_ok(sl_write_report(path, NULL, NULL, &one, 1, NULL, &err));

    json_t *data = data_of(path), *told = json_array_get(json_object_get(data, "cases"), 0);
    const json_t *heats = json_object_get(told, "heats"), *hiding = json_object_get(told, "hiding");
    assert_true((json_object_get(heats, "cc") != NULL) == tokens);
    assert_true((json_object_get(heats, "attention") != NULL) == attention);
    assert_true((json_object_get(heats, "flow") != NULL) == attention);
    assert_ok(sl_gallery_template(g, answer.candidates[0].entry, &other, &err));
    assert_ok(sl_heat_of_pair(query, other, &o, SL_HEAT_RELEVANCE, 0, &heat, &err));
    const json_t *relevance = json_object_get(heats, "relevance");
    assert_numbers(json_object_get(relevance, "query"), heat.query, SMALL_CELLS);
    assert_numbers(json_object_get(relevance, "candidate"), heat.other, SMALL_CELLS);
    assert_string_equal(json_string_value(json_object_get(hiding, "by")), "relevance");
    const double whole = json_number_value(json_array_get(json_object_get(hiding, "hidden"), 0));
    assert_true(fabs(whole - (double)answer.candidates[0].score) < 1e-5);
    json_decref(data);
    sl_heat_free(&heat);
    sl_template_free(other);
    sl_template_free(query);
    free_answer(&answer);
    sl_gallery_close(g);
    sl_look_close(look);
    remove_tree(dir);
    free(dir);
}

static void reports_carry_what_a_look_went_by(void **state)
{
    (void)state;
    check_report("h2l", 1, true, true);
    check_report("h2", 1, false, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports_carry_what_a_look_went_by)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
