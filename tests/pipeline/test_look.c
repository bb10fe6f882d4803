/* Learned looks on made-up templates: a small h2l and h2 written as models, and their scores beside the plain graph's in
 * the scalar reference; batches and single pairs; what is refused. */
#define _GNU_SOURCE
#include <unistd.h>

#include "../model/synthetic.h" /* before what has an error for all */
#include "near_faces.h"

#include "base/sha256.h"
#include "match/second_look.h"
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
    int n = snprintf(json, sizeof json, "{\"name\": \"%s\", \"kind\": \"look\", \"licence\": \"-\", \"provenance\": \"-\", "
                     "\"format\": \"safetensors\", \"file\": \"%s.safetensors\", \"arch\": \"%s\", \"backbone\": "
                     "\"made-up\", \"backbone_fingerprint\": \"%s\"%s}", name, name, arch, hex, more);
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
static void searches_and_comparisons_agree(void **state)
{
    (void)state;
    sl_gallery *g = make_gallery("searched", FACES);
    sl_template *query = make_template(3, 999, .5f);
    sl_look *look;
    sl_answer answer;
    write_look("l1", "h2l", 1, shape.fingerprint, "");
    assert_ok(sl_look_open(dir, "l1", SL_COMPUTE_F32, &look, &err));
    for (int k = 3; k <= 53; k += 25) { /* below, above and beside whole batches */
        sl_identify_options how = {.match = options_of(look), .top = PEOPLE};
        how.match.k = k;
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
            assert_true(fabsf(score.stage2 - c->stage2) < 1e-5f);
            sl_template_free(face);
        }
        assert_true(looked > 0);
        assert_int_equal(answer.pairs, k);
        sl_answer_free(&answer);
    }
    sl_look_close(look);
    sl_template_free(query);
    sl_gallery_close(g);
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
        cmocka_unit_test(models_that_do_not_fit_are_refused),
        cmocka_unit_test(templates_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
