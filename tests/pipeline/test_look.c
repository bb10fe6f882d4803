/* Learned looks on made-up templates: a small h2l and h2 written as models, and their scores beside the plain graph's
 * in the scalar reference; batches and single pairs; int8; what is refused. */
#define _GNU_SOURCE
#include <unistd.h>

#include "../model/synthetic.h" /* before what has an error for all */
#include "near_faces.h"

#include "base/cpu.h"
#include "base/sha256.h"
#include "match/second_look.h"
#include "model/int8/int8.h"
#include "net/import/weights/safetensors.h"
#include "net/layers/layers.h"

enum { CELLS = ROWS * COLS };

static sl_arch small_arch(const char *name, int depth)
{
    sl_arch own = *sl_arch_find(name);
    own.transformer = (sl_transformer){.depth = depth, .heads = 2, .hidden = 64, .width = CHANNELS, .cells = CELLS,
                                       .positions = 2 * CELLS + 2};
    own.dim = 32;
    return own;
}

/* dir/NAME.json and its weights; `more`: further keys of the manifest. */
static void write_look(const char *name, const char *arch, int depth, const uint8_t fingerprint[32], const char *more)
{
    char path[600], hex[65], json[1024];
    const sl_arch own = small_arch(arch, depth);
    sl_state_dict dict = {0};
    synthetic_dict(&own, &dict);
    snprintf(path, sizeof path, "%s/%s.safetensors", dir, name);
    assert_ok(sl_safetensors_write(path, &dict, NULL, 0, &err));
    sl_state_dict_free(&dict);
    sl_hex32(fingerprint, hex);
    int n = snprintf(json, sizeof json, "{\"name\": \"%s\", \"kind\": \"look\", \"licence\": \"-\", \"provenance\": "
                     "\"-\", \"format\": \"safetensors\", \"file\": \"%s.safetensors\", \"arch\": \"%s\", "
                     "\"backbone\": \"made-up\", \"backbone_fingerprint\": \"%s\"%s}", name, name, arch, hex, more);
    snprintf(path, sizeof path, "%s/%s.json", dir, name);
    assert_ok(sl_write_file(path, json, (size_t)n, &err));
}

static sl_match_options options_of(const sl_look *look)
{
    sl_match_options o = sl_match_defaults_of(sl_look_rerank(look));
    o.look = look;
    o.threads = 1;
    return o;
}

/* ---- scores ---- */

/* The score by the description alone, without plans. */
static float plain_score(const char *arch, int depth, const sl_template *a, const sl_template *b)
{
    static const char *const score = SL_LOOK_SCORE;
    const sl_arch own = small_arch(arch, depth);
    const sl_shape shapes[2] = {{3, {1, CELLS, CHANNELS}}, {3, {1, CELLS, CHANNELS}}};
    float x[2][CELLS * CHANNELS], out;
    float *y = &out;
    const float *inputs[2] = {x[0], x[1]};
    const sl_template *of[2] = {a, b};
    sl_state_dict dict = {0};
    sl_graph *g, *special;
    synthetic_dict(&own, &dict);
    assert_ok(sl_arch_build(&own, &dict, &g, &err));
    assert_ok(sl_graph_specialize(g, shapes, &score, 1, &special, &err));
    for (int i = 0; i < 2; i++)
        sl_patches_dequantise(of[i]->patches_i8, of[i]->patch_scales, CELLS, CHANNELS, x[i]);
    assert_ok(sl_reference_run(special, inputs, &y, &err));
    sl_graph_free(special);
    sl_graph_free(g);
    sl_state_dict_free(&dict);
    return out;
}

static void scores_are_the_plain_graphs(void **state)
{
    (void)state;
    static const struct {
        const char *name, *arch;
        int depth;
    } looks[] = {{"l1", "h2l", 1}, {"l2", "h2l", 2}, {"c1", "h2", 1}, {"c2", "h2", 2}};
    sl_template *a = make_template(1, 5, .5f), *b = make_template(2, 6, .5f);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        sl_look *look;
        sl_score score;
        write_look(looks[i].name, looks[i].arch, looks[i].depth, shape.fingerprint, "");
        assert_ok(sl_look_open(dir, looks[i].name, SL_COMPUTE_F32, &look, &err));
        const sl_match_options o = options_of(look);
        assert_ok(sl_compare(a, b, &o, &score, &err));
        assert_true(fabsf(score.stage2 - plain_score(looks[i].arch, looks[i].depth, a, b)) < 1e-5f);
        assert_true(fabsf(score.score - (.7f * score.stage2 + .3f * score.stage1)) < 1e-6f);
        sl_look_close(look);
    }
    sl_template_free(a);
    sl_template_free(b);
}

/* All faces of a gallery through batches, and each through a comparison of its own. */
static void expect_agreement(const sl_look *look, sl_gallery *g, const sl_template *query, float most)
{
    sl_answer answer;
    for (int k = 3; k <= 53; k += 25) { /* below, above and beside whole batches */
        sl_identify_options how = {.match = options_of(look), .top = PEOPLE};
        how.match.k = k;
        how.match.threads = 1 + k % 3; /* 1, 2 and 3 */
        assert_ok(sl_identify(&engine, g, query, &how, &answer, &err));
        size_t looked = 0;
        for (size_t i = 0; i < answer.count; i++) {
            const sl_candidate *c = &answer.candidates[i];
            sl_template *face;
            sl_score score;
            if (isnan(c->stage2))
                continue;
            looked++;
            assert_ok(sl_gallery_template(g, c->entry, &face, &err));
            assert_ok(sl_compare(query, face, &how.match, &score, &err));
            assert_true(fabsf(score.stage2 - c->stage2) < most);
            sl_template_free(face);
        }
        assert_true(looked > 0);
        assert_int_equal(answer.pairs, k);
        sl_answer_free(&answer);
    }
}

static void searches_and_comparisons_agree(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("searched", FACES);
    sl_template *query = make_template(3, 999, .5f);
    sl_look *look;
    write_look("l1", "h2l", 1, shape.fingerprint, "");
    assert_ok(sl_look_open(dir, "l1", SL_COMPUTE_F32, &look, &err));
    expect_agreement(look, g, query, 1e-5f);
    sl_look_close(look);
    sl_template_free(query);
    sl_gallery_close(g);
}

/* ---- int8 ---- */

static bool without_int8(void)
{
    if (sl_compute_check(SL_COMPUTE_INT8, &err) == SL_OK)
        return false;
    print_message("not tested: %s\n", err.text);
    return true;
}

static void refuse_int8(const char *name, sl_status status, const char *text)
{
    sl_look *look;
    assert_int_equal(sl_look_open(dir, name, SL_COMPUTE_INT8, &look, &err), status);
    assert_null(look);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

/* tells_apart: its scores differ by more than rounding does. */
static void quantise(const char *name, const sl_gallery *g, bool tells_apart)
{
    sl_look_int8_report report;
    const sl_look_quantise_options o = {.models_dir = dir, .look = name, .threads = 1, .seed = 1};
    assert_ok(sl_look_quantise(&o, g, &report, &err));
    assert_int_equal(report.pairs, 100 * 20);
    assert_true(report.mates > 300 && report.mates <= 400); /* six faces a person, four are taken */
    assert_true(report.int8 > 0 && report.int8 <= report.tensors);
    assert_true(report.difference_mean > 0 && report.difference_mean <= .01);
    assert_true(report.difference_most >= report.difference_mean && report.same_best <= 1);
    assert_true(report.same_best > (tells_apart ? .9 : 0));
}

/* Another pair than those measured: near to f32, and not it. */
static void expect_near_f32(const sl_look *narrow, const char *name)
{
    sl_template *a = make_template(1, 7005, .5f), *b = make_template(2, 7006, .5f);
    sl_look *wide;
    sl_score x, y;
    assert_ok(sl_look_open(dir, name, SL_COMPUTE_F32, &wide, &err));
    sl_match_options o = options_of(wide);
    assert_ok(sl_compare(a, b, &o, &x, &err));
    o = options_of(narrow);
    assert_ok(sl_compare(a, b, &o, &y, &err));
    const float difference = fabsf(x.stage2 - y.stage2);
    assert_true(difference > 0 && difference < .05f);
    sl_look_close(wide);
    sl_template_free(a);
    sl_template_free(b);
}

static void looks_in_int8_are_near_f32(void **state)
{
    (void)state;
    if (without_int8())
        return;
    static const struct {
        const char *name, *arch;
        int depth;
        bool tells_apart; /* a made-up h2 gives every pair the same */
    } looks[] = {{"q1", "h2l", 1, true}, {"q2", "h2l", 2, true}, {"p1", "h2", 1, false}};
    sl_gallery *g = make_gallery("measured", 2 * FACES);
    sl_template *query = make_template(3, 999, .5f);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        sl_look *look;
        write_look(looks[i].name, looks[i].arch, looks[i].depth, shape.fingerprint, "");
        refuse_int8(looks[i].name, SL_ERR_NOT_FOUND, "models quantise --look");
        quantise(looks[i].name, g, looks[i].tells_apart);
        assert_ok(sl_look_open(dir, looks[i].name, SL_COMPUTE_INT8, &look, &err));
        expect_near_f32(look, looks[i].name);
        expect_agreement(look, g, query, 5e-3f); /* a rounding may fall to the other side */
        sl_look_close(look);
    }
    sl_template_free(query);
    sl_gallery_close(g);
}

/* A comparison by a look of that name. */
static sl_status compare_as(const char *name, sl_compute precision, float *stage2)
{
    sl_template *a = make_template(1, 5, .5f), *b = make_template(2, 6, .5f);
    sl_look *look;
    sl_score score = {0};
    assert_ok(sl_look_open(dir, name, precision, &look, &err));
    const sl_match_options o = options_of(look);
    const sl_status status = sl_compare(a, b, &o, &score, &err);
    *stage2 = score.stage2;
    sl_look_close(look);
    sl_template_free(a);
    sl_template_free(b);
    return status;
}

/* A scale that is far too large or too small, with a checksum that holds: refused, or without harm, since a score need
 * not depend on every tensor. */
static void expect_self_test(sl_int8_model *m, const char *path)
{
    float wide, narrow;
    int refused = 0;
    assert_ok(compare_as("r1", SL_COMPUTE_F32, &wide));
    for (int i = 0; i < m->ranges.count; i++)
        for (int small = 0; small < 2; small++) {
            const float good = m->ranges.items[i].scale;
            m->ranges.items[i].scale = small ? good / 64 : good * 64;
            assert_ok(sl_int8_write(m, path, &err));
            const sl_status status = compare_as("r1", SL_COMPUTE_INT8, &narrow);
            refused += status == SL_ERR_CORRUPT && strstr(err.text, "self-test");
            if (status != SL_ERR_CORRUPT && (status != SL_OK || fabsf(narrow - wide) > .1f))
                fail_msg("%s, %s by 64: %d, %f for %f", m->ranges.items[i].tensor, small ? "too small" : "too large",
                         status, (double)narrow, (double)wide);
            m->ranges.items[i].scale = good;
        }
    assert_true(refused >= 4); /* what the last layers read decides in any case */
}

static void ranges_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    char path[600];
    float score;
    sl_int8_model m;
    if (without_int8())
        return;
    sl_gallery *g = make_gallery("measured again", 2 * FACES);
    write_look("r1", "h2l", 1, shape.fingerprint, "");
    quantise("r1", g, true);
    snprintf(path, sizeof path, "%s/r1.int8", dir);
    assert_ok(sl_int8_read(path, &m, &err));
    expect_self_test(&m, path);
    assert_ok(sl_int8_write(&m, path, &err));
    assert_ok(compare_as("r1", SL_COMPUTE_INT8, &score));
    write_look("r1", "h2l", 2, shape.fingerprint, ""); /* the look is another now */
    refuse_int8("r1", SL_ERR_MISMATCH, "models quantise --look r1");
    write_look("r1", "h2l", 1, shape.fingerprint, "");
    m.kind = SL_INT8_RECOGNISER;
    m.channels = 1;
    assert_ok(sl_int8_write(&m, path, &err));
    refuse_int8("r1", SL_ERR_MISMATCH, "r1.int8");
    sl_int8_model_free(&m);
    sl_gallery_close(g);
}

static void galleries_that_cannot_be_measured_are_refused(void **state)
{
    (void)state;
    static const uint8_t others[32] = {9, 9};
    if (without_int8())
        return;
    sl_gallery *few = make_gallery("few", FACES), *many = make_gallery("many", 2 * FACES);
    write_look("l1", "h2l", 1, shape.fingerprint, "");
    write_look("foreign", "h2l", 1, others, "");
    sl_look_quantise_options o = {.models_dir = dir, .look = "l1", .threads = 1};
    assert_int_equal(sl_look_quantise(&o, few, NULL, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "100 or more"));
    o.look = "foreign";
    assert_int_equal(sl_look_quantise(&o, many, NULL, &err), SL_ERR_MISMATCH);
    sl_gallery_close(few);
    sl_gallery_close(many);
}

/* ---- what is refused ---- */

static void refuse_open(const char *name, sl_status status, const char *text)
{
    sl_look *look;
    assert_int_equal(sl_look_open(dir, name, SL_COMPUTE_F32, &look, &err), status);
    assert_null(look);
    assert_non_null(strstr(err.text, text));
}

static void models_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    char path[600];
    write_look("deep", "h2l", 1, shape.fingerprint, ", \"depth\": 2");
    refuse_open("deep", SL_ERR_MISMATCH, "depth of 2");
    write_look("heads", "h2l", 1, shape.fingerprint, ", \"heads\": 3");
    refuse_open("heads", SL_ERR_MISMATCH, "3 heads");
    write_look("grid", "h2l", 1, shape.fingerprint, ", \"patch_grid\": [7, 7, 256]");
    refuse_open("grid", SL_ERR_MISMATCH, "7x7x256");
    write_look("form", "h2l", 1, shape.fingerprint, ", \"form\": \"other\"");
    refuse_open("form", SL_ERR_FORMAT, "\"form\"");
    write_look("cut", "h2l", 1, shape.fingerprint, "");
    snprintf(path, sizeof path, "%s/cut.safetensors", dir);
    assert_int_equal(truncate(path, 5000), 0);
    refuse_open("cut", SL_ERR_FORMAT, "cut.safetensors");
    refuse_open("nothing", SL_ERR_NOT_FOUND, "nothing");
}

static void refuse(const sl_template *a, const sl_template *b, const sl_match_options *o, sl_status status,
                   const char *text)
{
    sl_score score;
    assert_int_equal(sl_compare(a, b, o, &score, &err), status);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void templates_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const uint8_t others[32] = {9, 9};
    sl_template *a = make_template(1, 5, .5f), *b = make_template(2, 6, .5f);
    sl_look *look, *foreign;
    write_look("l1", "h2l", 1, shape.fingerprint, "");
    write_look("foreign", "h2l", 1, others, "");
    assert_ok(sl_look_open(dir, "l1", SL_COMPUTE_F32, &look, &err));
    assert_ok(sl_look_open(dir, "foreign", SL_COMPUTE_F32, &foreign, &err));
    sl_match_options o = options_of(foreign);
    refuse(a, b, &o, SL_ERR_MISMATCH, "010203");
    assert_non_null(strstr(err.text, "0909"));
    o = options_of(look);
    o.rerank = SL_RERANK_H2;
    refuse(a, b, &o, SL_ERR_ARGUMENT, "is h2l");
    o.look = NULL;
    refuse(a, b, &o, SL_ERR_ARGUMENT, "--look");
    o = options_of(look);
    b->patch_scales[3] = NAN;
    refuse(a, b, &o, SL_ERR_NUMERIC, "candidate 0");
    refuse(b, a, &o, SL_ERR_NUMERIC, "query");
    a->shape.format = b->shape.format = SL_PATCHES_NONE;
    refuse(a, b, &o, SL_ERR_UNSUPPORTED, "embeddings alone");
    sl_look_close(look);
    sl_look_close(foreign);
    sl_template_free(a);
    sl_template_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_the_plain_graphs),
        cmocka_unit_test(searches_and_comparisons_agree),
        cmocka_unit_test(looks_in_int8_are_near_f32),
        cmocka_unit_test(ranges_that_do_not_fit_are_refused),
        cmocka_unit_test(galleries_that_cannot_be_measured_are_refused),
        cmocka_unit_test(models_that_do_not_fit_are_refused),
        cmocka_unit_test(templates_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
