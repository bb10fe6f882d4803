/* Opening a detector by its manifest: the networks of a cascade in their order, and what is said when one is missing.
 * They are MTCNN's, with made-up weights. */
#include "synthetic.h"

#include <unistd.h>

#include "base/file.h"
#include "model/detector_model.h"
#include "model/import/import.h"
#include "net/import/weights/safetensors.h"

static sl_error err;
static char *folder;

static const char *at(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The models cascade, cascade-pnet and cascade-rnet in the folder. */
static int make_cascade(void **state)
{
    (void)state;
    static const char *const nets[3] = {"mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet"};
    char paths[3][400], *json;
    const char *files[3];
    folder = make_temp_dir();
    for (int i = 0; i < 3; i++) {
        sl_state_dict dict = {0};
        synthetic_dict(sl_arch_find(nets[i]), &dict);
        snprintf(paths[i], sizeof paths[i], "%s/%s.safetensors", folder, nets[i]);
        assert_ok(sl_safetensors_write(paths[i], &dict, NULL, 0, &err));
        files[i] = paths[i];
        sl_state_dict_free(&dict);
    }
    const sl_import_options o = {.arch = "mtcnn", .output = "cascade", .models_dir = folder};
    assert_ok(sl_model_import(files, 3, &o, &json, &err));
    free(json);
    return 0;
}

static int remove_cascade(void **state)
{
    (void)state;
    remove_tree(folder);
    free(folder);
    return 0;
}

static void networks_come_in_the_order_in_which_they_look(void **state)
{
    (void)state;
    sl_detector_model m;
    sl_detector *d;
    assert_ok(sl_detector_model_open(folder, "cascade", false, &m, &err));
    assert_string_equal(m.kind->name, "mtcnn");
    assert_true(m.threshold == .7f);
    assert_string_equal(m.networks[0].manifest->name, "cascade-pnet");
    assert_string_equal(m.networks[1].manifest->name, "cascade-rnet");
    assert_string_equal(m.networks[2].manifest->name, "cascade");
    assert_int_equal(m.networks[2].graph->n_outputs, 3);
    assert_ok(sl_detector_model_start(&m, 2, &d, &err));
    assert_ptr_equal(d->kind, m.kind);
    assert_int_equal(d->options.threads, 2);
    sl_detector_close(d);
    sl_detector_model_close(&m);
    assert_null(m.networks[2].graph);
}

static void a_stage_is_no_detector(void **state)
{
    (void)state;
    sl_detector_model m;
    assert_int_equal(sl_detector_model_open(folder, "cascade-rnet", false, &m, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "cascade-rnet is one of mtcnn's 3 networks"));
    assert_null(m.kind);
}

static void a_missing_stage_is_named(void **state)
{
    (void)state;
    sl_detector_model m;
    char hidden[400];
    snprintf(hidden, sizeof hidden, "%s", at("hidden"));
    assert_int_equal(rename(at("cascade-rnet.safetensors"), hidden), 0);
    assert_int_equal(sl_detector_model_open(folder, "cascade", false, &m, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "detector cascade, stage 2"));
    assert_non_null(strstr(err.text, "cascade-rnet.safetensors"));
    assert_null(m.networks[2].graph);
    assert_int_equal(rename(hidden, at("cascade-rnet.safetensors")), 0);
    assert_int_equal(sl_detector_model_open(folder, "nobody", false, &m, &err), SL_ERR_NOT_FOUND);
}

/* ---- points ---- */

/* The manifest of `cascade`, with this line more. */
static void name_points(const char *name, const char *points)
{
    char text[4000];
    uint8_t *old;
    size_t size;
    assert_ok(sl_read_file(at("cascade.json"), sizeof text / 2, &old, &size, &err));
    const int length = snprintf(text, sizeof text, "{\"points\": \"%s\", %s", points, strchr((char *)old, '{') + 1);
    assert_ok(sl_write_file(at(name), text, (size_t)length, &err));
    free(old);
}

static void make_points(void)
{
    const sl_import_options o = {.arch = "points", .output = "mine", .models_dir = folder};
    const char *file = at("points.safetensors");
    sl_state_dict dict = {0};
    char *json;
    synthetic_dict(sl_arch_find("points"), &dict);
    assert_ok(sl_safetensors_write(file, &dict, NULL, 0, &err));
    sl_state_dict_free(&dict);
    assert_ok(sl_model_import(&file, 1, &o, &json, &err));
    free(json);
}

static void a_detector_opens_what_corrects_its_points(void **state)
{
    (void)state;
    char beside[400];
    sl_detector_model m;
    sl_detector *d;
    make_points();
    name_points("named.json", "mine");
    name_points("beside.json", "mine.json");
    assert_ok(sl_detector_model_open(folder, "named", false, &m, &err));
    assert_string_equal(m.points.manifest->name, "mine");
    assert_ok(sl_detector_model_start(&m, 1, &d, &err));
    assert_non_null(d->points.plan);
    sl_detector_close(d);
    sl_detector_model_close(&m);
    assert_null(m.points.graph);

    assert_ok(sl_detector_model_open(folder, "named", true, &m, &err));
    assert_ok(sl_detector_model_start(&m, 1, &d, &err));
    assert_null(d->points.plan);
    sl_detector_close(d);
    sl_detector_model_close(&m);

    snprintf(beside, sizeof beside, "%s", at("beside.json")); /* and its stages are names in the models folder */
    assert_ok(sl_detector_model_open(folder, beside, false, &m, &err));
    assert_string_equal(m.points.manifest->name, "mine");
    sl_detector_model_close(&m);
}

static void points_that_are_not_there_or_none_are_named(void **state)
{
    (void)state;
    sl_detector_model m;
    name_points("lost.json", "nobody");
    name_points("odd.json", "cascade-pnet");
    assert_int_equal(sl_detector_model_open(folder, "lost", false, &m, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "its points"));
    assert_null(m.networks[0].graph);
    assert_int_equal(sl_detector_model_open(folder, "odd", false, &m, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "a corrector of points was asked for"));
    assert_ok(sl_detector_model_open(folder, "lost", true, &m, &err));
    sl_detector_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_come_in_the_order_in_which_they_look),
        cmocka_unit_test(a_stage_is_no_detector),
        cmocka_unit_test(a_missing_stage_is_named),
        cmocka_unit_test(a_detector_opens_what_corrects_its_points),
        cmocka_unit_test(points_that_are_not_there_or_none_are_named),
    };
    return cmocka_run_group_tests(tests, make_cascade, remove_cascade);
}
