/* A gallery's calibration: kept, found again, and refused where it does not belong; thresholds for a rate. */
#include "support.h"

#include <math.h>

#include "base/file.h"
#include "pipeline/calibration.h"
#include "pipeline/engine.h"

enum { DIM = 8 };

static sl_error err;
static char *dir;
static const sl_template_shape shape = {
    .fingerprint = {9}, .dim = DIM, .rows = 1, .cols = 1, .channels = 2, .precision = SL_PRECISION_INT8};

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

/* FPIR 1 .. .001 at thresholds 0 .. .3, FMR 1 .. 1e-5 at 0 .. .5: .1 a decade. */
static sl_calibration made_up(const sl_gallery *g, const sl_match_options *match)
{
    sl_calibration c = {.gallery_id = sl_gallery_id(g),
                        .fingerprint = {9},
                        .faces = sl_gallery_size(g),
                        .searches = 10000,
                        .pairs = 1000000,
                        .fpir = {.count = 4},
                        .fmr = {.count = 6}};
    for (int i = 0; i < 6; i++) {
        c.fpir.rate[i] = c.fmr.rate[i] = pow(10, -i);
        c.fpir.threshold[i] = c.fmr.threshold[i] = .1 * i;
    }
    sl_match_key(match, c.match);
    return c;
}

static void what_is_kept_is_found(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("kept", 20);
    const sl_match_options match = sl_match_defaults();
    sl_calibration c = made_up(g, &match), back;
    sl_threshold t;
    assert_int_equal(sl_calibration_read(g, &match, &back, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_threshold_for_fpir(NULL, g, &match, .01, &t, &err), SL_ERR_NOT_FOUND);
    assert_true(isnan(t.threshold));
    assert_ok(sl_calibration_write(&c, g, NULL, &err));
    assert_ok(sl_calibration_read(g, &match, &back, &err));
    assert_true(back.searches == 10000 && back.pairs == 1000000 && back.faces == 20 && back.fpir.count == 4);
    assert_ok(sl_threshold_for_fpir(NULL, g, &match, .01, &t, &err));
    assert_true(fabsf(t.threshold - .2f) < 1e-6f && !t.on_stage1 && t.source == SL_THRESHOLD_CALIBRATION);
    assert_ok(sl_threshold_for_far(NULL, g, &match, 1e-4, &t, &err));
    assert_true(fabsf(t.threshold - .4f) < 1e-6f);
    assert_int_equal(sl_threshold_for_fpir(NULL, g, &match, .0001, &t, &err),
                     SL_ERR_ARGUMENT); /* smaller than measured */
    assert_non_null(strstr(err.text, "10000 searches"));
    assert_int_equal(sl_threshold_for_fpir(NULL, g, &match, 0, &t, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_threshold_for_far(NULL, g, &match, NAN, &t, &err), SL_ERR_ARGUMENT);
    /* other options have a calibration of their own */
    sl_match_options other = match;
    other.alpha = .5f;
    assert_int_equal(sl_threshold_for_fpir(NULL, g, &other, .01, &t, &err), SL_ERR_NOT_FOUND);
    other = match;
    other.threads = 7; /* which scores do not depend on */
    assert_ok(sl_threshold_for_fpir(NULL, g, &other, .01, &t, &err));
    sl_gallery_close(g);
}

static void the_size_counts(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("grows", 20);
    const sl_match_options match = sl_match_defaults();
    sl_calibration c = made_up(g, &match);
    sl_threshold t;
    assert_ok(sl_calibration_write(&c, g, NULL, &err));
    add_faces(g, 20, 40);
    assert_ok(sl_threshold_for_fpir(NULL, g, &match, .01, &t, &err));
    /* twice as many faces: half the rate, as 1 - .99 = (1 - x)^2 */
    assert_true(fabs(t.rate - (1 - sqrt(.99))) < 1e-9);
    assert_true(fabs((double)t.threshold - (.2 - .1 * log10(t.rate / .01))) < 1e-6);
    add_faces(g, 40, 43);
    assert_int_equal(sl_threshold_for_fpir(NULL, g, &match, .01, &t, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "it has 43 now"));
    assert_non_null(strstr(err.text, "secondlook calibrate"));
    sl_gallery_close(g);
}

static void foreign_and_damaged_files_are_refused(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("mine", 12), *other = make_gallery("other", 12);
    const sl_match_options match = sl_match_defaults_of(SL_RERANK_NONE);
    sl_calibration c = made_up(g, &match), back;
    uint8_t *data;
    size_t size;
    char *path = sl_path_join(dir, "file");
    assert_ok(sl_calibration_write(&c, other, NULL, &err)); /* as if it had been copied into the other's folder */
    assert_int_equal(sl_calibration_read(other, &match, &back, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "another gallery"));
    c.fingerprint[0] = 8;
    assert_ok(sl_calibration_write(&c, g, NULL, &err));
    assert_int_equal(sl_calibration_read(g, &match, &back, &err), SL_ERR_MISMATCH);
    assert_ok(sl_calibration_write(&c, g, path, &err));
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_ok(sl_calibration_parse(data, size, "file", &back, &err));
    for (size_t i = 0; i < size; i++) { /* every byte, every length */
        data[i] ^= 0x40;
        assert_int_not_equal(sl_calibration_parse(data, size, "file", &back, &err), SL_OK);
        data[i] ^= 0x40;
        assert_int_not_equal(sl_calibration_parse(data, i, "file", &back, &err), SL_OK);
    }
    assert_non_null(strstr(err.text, "secondlook calibrate"));
    free(data);
    free(path);
    sl_gallery_close(g);
    sl_gallery_close(other);
}

static void the_models_own_rates(void **state)
{
    (void)state;
    static sl_manifest manifest;
    static sl_engine engine;
    sl_gallery *g = make_gallery("built-in", 10);
    sl_match_options match = sl_match_defaults();
    sl_threshold t;
    engine.recogniser.network.manifest = &manifest;
    manifest.name = (char *)"made-up";
    assert_int_equal(sl_threshold_for_far(&engine, NULL, &match, .01, &t, &err), SL_ERR_NOT_FOUND);
    manifest.fmr_none = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.3, .5}};
    manifest.fmr_emd = (sl_rate_curve){.count = 2, .rate = {.1, .001}, .threshold = {.6, .8}};
    assert_ok(sl_threshold_for_far(&engine, NULL, &match, .01, &t, &err));
    assert_true(fabsf(t.threshold - .7f) < 1e-6f && !t.on_stage1 && t.source == SL_THRESHOLD_BUILT_IN);
    /* ten faces: a search is ten chances */
    assert_ok(sl_threshold_for_fpir(&engine, g, &match, 1 - pow(.99, 10), &t, &err));
    assert_true(fabsf(t.threshold - .7f) < 1e-6f && fabs(t.rate - .01) < 1e-9);
    match.weighting = SL_WEIGHT_UNIFORM; /* not what was measured: stage 1 decides */
    assert_ok(sl_threshold_for_far(&engine, g, &match, .01, &t, &err));
    assert_true(fabsf(t.threshold - .4f) < 1e-6f && t.on_stage1);
    assert_int_equal(sl_threshold_for_fpir(&engine, g, &match, .001, &t, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "measured down to"));
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_found),
        cmocka_unit_test(the_size_counts),
        cmocka_unit_test(foreign_and_damaged_files_are_refused),
        cmocka_unit_test(the_models_own_rates),
    };
    dir = make_temp_dir();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_tree(dir);
    free(dir);
    return failed;
}
