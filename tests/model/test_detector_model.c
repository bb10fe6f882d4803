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
    assert_ok(sl_detector_model_open(folder, "cascade", &m, &err));
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
    assert_int_equal(sl_detector_model_open(folder, "cascade-rnet", &m, &err), SL_ERR_ARGUMENT);
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
    assert_int_equal(sl_detector_model_open(folder, "cascade", &m, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "detector cascade, stage 2"));
    assert_non_null(strstr(err.text, "cascade-rnet.safetensors"));
    assert_null(m.networks[2].graph);
    assert_int_equal(rename(hidden, at("cascade-rnet.safetensors")), 0);
    assert_int_equal(sl_detector_model_open(folder, "nobody", &m, &err), SL_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_come_in_the_order_in_which_they_look),
        cmocka_unit_test(a_stage_is_no_detector),
        cmocka_unit_test(a_missing_stage_is_named),
    };
    return cmocka_run_group_tests(tests, make_cascade, remove_cascade);
}
