/* The rule that decides: rates kept, found again and refused where they do not belong; thresholds by what is promised
 * and by how much of a query is hidden; one decision for every storage form, whatever a look does not read. */
#include "gallery/gallery.h"
#include "support.h"

#include <math.h>

#include "base/file.h"
#include "pipeline/engine.h"
#include "pipeline/rates.h"
#include "secondlook_eval.h"

enum { DIM = 8 };

static sl_error err;
static char *dir;
static const sl_template_shape shape = {
    .fingerprint = {9}, .dim = DIM, .rows = 1, .cols = 1, .channels = 2, .format = SL_PATCHES_INT8};

static void add_faces(sl_gallery *g, int from, int to)
{
    for (int i = from; i < to; i++) {
        float embedding[DIM];
        char name[32];
        sl_template *t;
        fill_random(embedding, DIM, (uint64_t)i + 1, -1, 1);
        snprintf(name, sizeof name, "p%d", i);
        const sl_entry entry = {.label = name, .image = name};
        assert_ok(sl_template_make(&shape, embedding, (float[]){1, 2}, &t, &err));
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
}

static sl_gallery *make_gallery(const char *name, int faces)
{
    char *path = sl_path_join(dir, name);
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    add_faces(g, 0, faces);
    free(path);
    return g;
}

/* One bin: FPIR 1 .. .001 at thresholds 0 .. .3, FMR 1 .. 1e-5 at 0 .. .5: .1 a decade. */
static sl_rates made_up(const sl_gallery *g, const sl_match_options *match)
{
    sl_rates r;
    char look[SL_MATCH_KEY];
    sl_match_key(match, look);
    sl_rates_begin(&r, sl_gallery_shape(g)->fingerprint, 0, look);
    r.gallery_id = sl_gallery_id(g);
    r.faces = sl_gallery_size(g);
    r.bin[0].searches = 10000;
    r.bin[0].pairs = 1000000;
    r.bin[0].fpir.count = 4;
    r.bin[0].fmr.count = 6;
    for (int i = 0; i < 6; i++) {
        r.bin[0].fpir.rate[i] = r.bin[0].fmr.rate[i] = pow(10, -i);
        r.bin[0].fpir.threshold[i] = r.bin[0].fmr.threshold[i] = .1 * i;
    }
    return r;
}

static void what_is_kept_is_found(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("kept", 20);
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_rates r = made_up(g, &match), back;
    sl_rule rule;
    assert_int_equal(sl_gallery_rates(g, &match, 0, &back, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_rule_for_fpir(NULL, g, &match, .01, &rule, &err), SL_ERR_NOT_FOUND);
    assert_true(isnan(rule.threshold[0]));
    assert_ok(sl_gallery_rates_keep(g, &r, &err));
    assert_ok(sl_gallery_rates(g, &match, 0, &back, &err));
    assert_true(back.bin[0].searches == 10000 && back.bin[0].pairs == 1000000 && back.faces == 20 &&
                back.bin[0].fpir.count == 4);
    assert_ok(sl_rule_for_fpir(NULL, g, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .2f) < 1e-6f && !rule.on_stage1 && rule.source[0] == SL_RULE_CALIBRATION &&
                rule.promise == SL_RATE_FPIR && rule.faces == 20);
    assert_ok(sl_rule_default(NULL, g, &match, &rule, &err)); /* promises the same */
    assert_true(fabsf(rule.threshold[0] - .2f) < 1e-6f && rule.rate == .01);
    assert_ok(sl_rule_for_far(NULL, g, &match, 1e-4, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .4f) < 1e-6f);
    /* smaller than measured */
    assert_int_equal(sl_rule_for_fpir(NULL, g, &match, .0001, &rule, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_rule_for_fpir(NULL, g, &match, 0, &rule, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_rule_for_far(NULL, g, &match, NAN, &rule, &err), SL_ERR_ARGUMENT);
    /* other options that the look reads have a calibration of their own; those that it does not read have this one */
    sl_match_options other = match;
    other.alpha = .5f;
    assert_int_equal(sl_rule_for_fpir(NULL, g, &other, .01, &rule, &err), SL_ERR_NOT_FOUND);
    other = match;
    other.threads = 7;
    other.k = 5;
    other.patch_compute = SL_COMPARE_F32;
    assert_ok(sl_rule_for_fpir(NULL, g, &other, .01, &rule, &err));
    assert_ok(sl_calibration_remove(g, &match, &err));
    assert_int_equal(sl_calibration_remove(g, &match, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_rule_for_fpir(NULL, g, &match, .01, &rule, &err), SL_ERR_NOT_FOUND);
    sl_gallery_close(g);
}

static void the_size_counts(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("grows", 20);
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_rates r = made_up(g, &match);
    sl_rule rule;
    assert_ok(sl_gallery_rates_keep(g, &r, &err));
    add_faces(g, 20, 40);
    assert_ok(sl_rule_for_fpir(NULL, g, &match, .01, &rule, &err));
    /* twice as many faces: half the rate, as 1 - .99 = (1 - x)^2 */
    assert_true(fabs((double)rule.threshold[0] - (.2 - .1 * log10((1 - sqrt(.99)) / .01))) < 1e-6);
    add_faces(g, 40, 43);
    assert_int_equal(sl_rule_for_fpir(NULL, g, &match, .01, &rule, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "it has 43 now"));
    assert_non_null(strstr(err.text, "secondlook calibrate"));
    sl_gallery_close(g);
}

static void foreign_and_damaged_files_are_refused(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("mine", 12), *other = make_gallery("other", 12);
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_NONE);
    sl_rates r = made_up(g, &match), back;
    uint8_t *data;
    size_t size;
    char *path = sl_path_join(dir, "file");
    assert_ok(sl_gallery_rates_keep(other, &r, &err)); /* as if it had been copied into the other's folder */
    assert_int_equal(sl_gallery_rates(other, &match, 0, &back, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "another gallery"));
    r.fingerprint[0] = 8;
    assert_ok(sl_gallery_rates_keep(g, &r, &err));
    assert_int_equal(sl_gallery_rates(g, &match, 0, &back, &err), SL_ERR_MISMATCH);
    assert_ok(sl_rates_write(&r, 1, "nothing", path, &err));
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_ok(sl_rates_parse((char *)data, size, "file", NULL, &back, &err));
    assert_ok(sl_rates_parse((char *)data, size, "file", "stage 1", &back, &err));
    assert_int_equal(sl_rates_parse((char *)data, size, "file", "emd", &back, &err), SL_ERR_NOT_FOUND);
    for (size_t i = 0; i < size - 1; i++) /* every length but the last, a line's end */
        assert_int_not_equal(sl_rates_parse((char *)data, i, "file", NULL, &back, &err), SL_OK);
    assert_non_null(strstr(err.text, "measure"));
    free(data);
    free(path);
    sl_gallery_close(g);
    sl_gallery_close(other);
}

static void unusable_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "[]", "{}", "{\"looks\":[]}", "{\"looks\":[{\"look\":\"stage 1\",\"bins\":[]}]}",
        "[{\"hidden_to\":0.5,\"searches\":1,\"pairs\":1,\"fpir\":[],\"fmr\":[]}]", /* ends before 1 */
        "[{\"hidden_to\":1,\"searches\":-1,\"pairs\":1,\"fpir\":[],\"fmr\":[]}]",
        "[{\"hidden_to\":1,\"searches\":1,\"pairs\":1,\"fpir\":[[2,0.1]],\"fmr\":[]}]",
        "[{\"hidden_to\":1,\"searches\":1,\"pairs\":1,\"fpir\":[],\"fmr\":[[0.1,0.2],[0.2,0.3]]}]",
        "[{\"hidden_to\":1,\"searches\":1,\"pairs\":1,\"fpir\":[],\"fmr\":[[0.1,0.2],[0.01,0.1]]}]",
        "[{\"hidden_to\":1,\"searches\":1,\"pairs\":1,\"fpir\":[],\"fmr\":[[0.1,1e9]]}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1024];
        sl_rates r;
        snprintf(text, sizeof text, "%s", wrong[i]);
        if (i >= 5)
            snprintf(text, sizeof text, "{\"format\":\"secondlook rates 1\",\"fingerprint\":\"%064d\","
                     "\"statistics\":\"00000000\",\"looks\":[{\"look\":\"stage 1\",\"bins\":%s}]}", 0, wrong[i]);
        assert_int_equal(sl_rates_parse(text, strlen(text), "file", NULL, &r, &err), SL_ERR_FORMAT);
    }
}

/* ---- a model's own words ---- */

static sl_manifest manifest;
static sl_engine_cells no_cells = {.mutex = PTHREAD_MUTEX_INITIALIZER, .read = true};
static sl_engine engine;

static void use_engine(void)
{
    manifest = (sl_manifest){.name = (char *)"made-up", .file = (char *)"/nowhere/made-up.onnx",
                             .threshold = {NAN, NAN, NAN}};
    engine = (sl_engine){.recogniser.network.manifest = &manifest, .models_dir = dir, .known = &no_cells};
}

static void the_models_own_rates(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("built-in", 10);
    sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_rule rule;
    use_engine();
    assert_int_equal(sl_rule_for_far(&engine, NULL, &match, .01, &rule, &err), SL_ERR_NOT_FOUND);
    assert_ok(sl_rule_default(&engine, g, &match, &rule, &err)); /* nobody knows one: everybody is unknown */
    assert_true(rule.source[0] == SL_RULE_MISSING && sl_rule_decide(&rule, 1, 1, 0) == SL_UNKNOWN);
    manifest.false_match_rate[SL_RERANK_NONE] = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.3, .5}};
    manifest.false_match_rate[SL_RERANK_EMD] = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.6, .8}};
    assert_ok(sl_rule_for_far(&engine, NULL, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .7f) < 1e-6f && !rule.on_stage1 && rule.source[0] == SL_RULE_BUILT_IN);
    /* ten faces: a search is ten chances */
    assert_ok(sl_rule_for_fpir(&engine, g, &match, 1 - pow(.99, 10), &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .7f) < 1e-6f && !rule.extrapolated[0]);
    match.grid_rows = match.grid_cols = 1; /* not what was measured: stage 1 decides */
    assert_ok(sl_rule_for_far(&engine, g, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .4f) < 1e-6f && rule.on_stage1);
    /* beyond what was measured: along the last decade, .1 a decade, for two decades */
    assert_ok(sl_rule_for_far(&engine, g, &match, 1e-4, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .6f) < 1e-6f && rule.extrapolated[0]);
    assert_int_equal(sl_rule_for_far(&engine, g, &match, 1e-6, &rule, &err), SL_ERR_NOT_FOUND);
    sl_gallery_close(g);
}

/* A model's rates by how much is hidden, the gallery's own where it measured. */
static void bins_are_judged_apart(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("bins", 10);
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_NONE);
    char look[SL_MATCH_KEY], *path;
    sl_rates model, own;
    sl_rule rule = {.bins = 3, .hidden_to = {.2f, .4f, 1}, .threshold = {.3f, .5f, .7f}};
    assert_true(sl_rule_bin(&rule, 0) == 0 && sl_rule_bin(&rule, .2f) == 1 && sl_rule_bin(&rule, 1) == 2);
    assert_int_equal(sl_rule_bin(&rule, NAN), 2);
    assert_true(sl_rule_decide(&rule, .4f, 0, .1f) == SL_MATCH && sl_rule_decide(&rule, .4f, 0, .3f) == SL_UNKNOWN);

    /* Where too little is seen, a match is one all the same, and nobody found says nothing. */
    assert_true(sl_rule_decide(&rule, .4f, 0, SL_TOO_HIDDEN) == SL_TOO_LITTLE);
    assert_true(sl_rule_decide(&rule, .9f, 0, 1) == SL_MATCH && sl_rule_decide(&rule, .4f, 0, NAN) == SL_UNKNOWN);
    for (int d = SL_UNKNOWN; d <= SL_TOO_LITTLE; d++)
        assert_int_equal(sl_decision_named(sl_decision_name((sl_decision)d)), d);
    assert_true(!sl_decision_name((sl_decision)3) && sl_decision_named("maybe") == -1);
    use_engine();
    memcpy(engine.recogniser.fingerprint, shape.fingerprint, sizeof shape.fingerprint);
    sl_match_key(&match, look);
    sl_rates_begin(&model, shape.fingerprint, 0, look);
    model.bins = 2;
    model.bin[0].hidden_to = .3;
    model.bin[1].hidden_to = 1;
    for (int b = 0; b < 2; b++)
        model.bin[b].fmr = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.3 + .2 * b, .5 + .2 * b}};
    assert_ok(sl_model_rates_file(&engine, &path, &err));
    assert_ok(sl_rates_write(&model, 1, "made up", path, &err));
    free(path);
    assert_ok(sl_rule_for_far(&engine, g, &match, .01, &rule, &err));
    assert_true(rule.bins == 2 && fabsf(rule.threshold[0] - .4f) < 1e-6f && fabsf(rule.threshold[1] - .6f) < 1e-6f);
    /* a look that nobody measured: stage 1, in its bins */
    sl_match_options unknown = sl_match_defaults_of(SL_RERANK_OAE);
    assert_ok(sl_rule_for_far(&engine, g, &unknown, .01, &rule, &err));
    assert_true(rule.on_stage1 && rule.bins == 2 && fabsf(rule.threshold[1] - .6f) < 1e-6f);
    /* the gallery measured uncovered queries only: the covered are judged by the model's */
    own = model;
    own.gallery_id = sl_gallery_id(g);
    own.faces = 10;
    own.bin[0].fmr = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.1, .2}};
    own.bin[1].fmr.count = 0;
    assert_ok(sl_gallery_rates_keep(g, &own, &err));
    assert_ok(sl_rule_for_far(&engine, g, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .15f) < 1e-6f && rule.source[0] == SL_RULE_CALIBRATION);
    assert_true(fabsf(rule.threshold[1] - .6f) < 1e-6f && rule.source[1] == SL_RULE_BUILT_IN);
    sl_gallery_close(g);
}

/* Queries of an encoder have rates of their own, beside the encoder; without these the recogniser's decide, and promise
 * nothing. */
static void an_encoders_queries_are_judged_apart(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("encoded", 10);
    sl_manifest encoder = {.name = (char *)"made-up-covered"};
    sl_match_options match = sl_match_defaults_of(SL_RERANK_NONE);
    char look[SL_MATCH_KEY], *path;
    sl_rates rates;
    sl_rule rule;
    use_engine();
    manifest.false_match_rate[SL_RERANK_NONE] = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.3, .5}};
    memcpy(engine.recogniser.fingerprint, shape.fingerprint, sizeof shape.fingerprint);
    engine.encoder = (sl_encoder){.manifest = &encoder, .id = 0x1234};
    assert_string_equal(sl_engine_encoder(&engine), "made-up-covered");
    assert_ok(sl_match_settle(&engine, g, &match, &err));
    assert_true(match.encoder == 0x1234);
    assert_ok(sl_rule_default(&engine, g, &match, &rule, &err));
    assert_true(rule.promise == SL_RATE_NONE && rule.threshold[0] > .3f);
    assert_int_equal(sl_rule_for_far(&engine, g, &match, .01, &rule, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "made-up-covered"));
    sl_match_key(&match, look);
    sl_rates_begin(&rates, shape.fingerprint, 0, look);
    rates.bin[0].fmr = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.5, .7}};
    assert_ok(sl_model_rates_file(&engine, &path, &err));
    assert_non_null(strstr(path, "made-up-covered.rates"));
    assert_ok(sl_rates_write(&rates, 1, "made up", path, &err));
    free(path);
    assert_ok(sl_rule_for_far(&engine, g, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .6f) < 1e-6f && rule.promise == SL_RATE_FMR);
    engine.encoder.id++; /* the same name, other weights */
    assert_ok(sl_match_settle(&engine, g, &match, &err));
    assert_int_equal(sl_rule_for_far(&engine, g, &match, .01, &rule, &err), SL_ERR_NOT_FOUND);
    match.encoder = 0; /* not by the encoder's */
    assert_ok(sl_rule_for_far(&engine, g, &match, .01, &rule, &err));
    assert_true(fabsf(rule.threshold[0] - .4f) < 1e-6f);
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_found),
        cmocka_unit_test(the_size_counts),
        cmocka_unit_test(foreign_and_damaged_files_are_refused),
        cmocka_unit_test(the_models_own_rates),
        cmocka_unit_test(unusable_numbers_are_refused),
        cmocka_unit_test(bins_are_judged_apart),
        cmocka_unit_test(an_encoders_queries_are_judged_apart),
    };
    dir = make_temp_dir();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_tree(dir);
    free(dir);
    return failed;
}
