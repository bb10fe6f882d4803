/* Transformers learn from stored maps: of drawn shapes, as a tiny network with random weights sees them. */
#include "drawn_shapes.h"

#include "gallery/gallery.h"
#include "model/recogniser.h"

enum { LEARNED = 12 * SHAPES };

static sl_error err;

/* The tiny model of `folder`, and how it sees the shapes, as a gallery. */
static sl_gallery *enrol(const char *model, sl_patch_format format)
{
    const sl_plan_options how = {.threads = 1};
    sl_recogniser r;
    sl_plan *plan;
    sl_gallery *g;
    assert_ok(sl_recogniser_open(NULL, model, &r, &err));
    assert_ok(sl_recogniser_compile(&r, 1, &how, &plan, &err));
    sl_template_shape shape = {.dim = r.dim, .rows = r.rows, .cols = r.cols, .channels = r.channels, .format = format};
    memcpy(shape.fingerprint, r.fingerprint, sizeof shape.fingerprint);
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, model, &g, &err));
    float *patches = malloc((size_t)(r.rows * r.cols * r.channels) * sizeof *patches);
    for (size_t i = 0; i < LEARNED; i++) {
        char label[32], image[32];
        sl_image picture;
        sl_template *t;
        snprintf(label, sizeof label, "shape %d", shape_of(NULL, i));
        snprintf(image, sizeof image, "%zu", i);
        assert_ok(draw(NULL, i, &picture, &err));
        assert_ok(sl_recogniser_prepare(&r, &picture, sl_plan_input(plan, 0, NULL), &err));
        assert_ok(sl_plan_run(plan, &err));
        sl_recogniser_patches(&r, sl_plan_output(plan, 1, NULL), patches);
        assert_ok(sl_template_make(&shape, sl_plan_output(plan, 0, NULL), patches, &t, &err));
        assert_ok(sl_gallery_add(g, &(sl_entry){.label = label, .image = image}, t, NULL, &err));
        sl_template_free(t);
        sl_image_free(&picture);
    }
    assert_ok(sl_gallery_commit(g, &err));
    free(patches);
    sl_plan_free(plan);
    sl_recogniser_close(&r);
    return g;
}

static sl_train_options map_options(sl_train_task task, const char *model)
{
    sl_train_options o;
    assert_ok(sl_train_recipe("face-vit-short", &o, &err));
    o.task = task;
    o.model = model;
    o.features = 32;
    o.margin = .1;
    o.scale = 16;
    o.batch = 16;
    o.accumulate = 1;
    o.rate = 2e-3;
    o.warm_up = 4;
    o.steps = 48;
    o.every = 16;
    o.held_out = .5;
    o.threads = 2;
    return o;
}

static sl_trainer *open_on(const sl_train_options *o, const sl_gallery *g)
{
    const sl_train_data data = {.gallery = g};
    sl_trainer *t;
    assert_ok(sl_trainer_open(o, &data, NULL, NULL, &t, &err));
    return t;
}

static double mean_loss(sl_trainer *t, int steps)
{
    double sum = 0;
    for (int i = 0; i < steps; i++) {
        sl_train_report r;
        assert_ok(sl_trainer_step(t, &r, &err));
        sum += r.loss / steps;
    }
    return sum;
}

static float score_of(const sl_look *look, const sl_gallery *g, size_t i, size_t k)
{
    sl_template *a, *b;
    sl_score score;
    sl_match_options o = sl_match_defaults_of(sl_look_rerank(look));
    o.look = look;
    o.threads = 1;
    assert_ok(sl_gallery_template(g, i, &a, &err));
    assert_ok(sl_gallery_template(g, k, &b, &err));
    assert_ok(sl_compare(a, b, &o, &score, &err));
    sl_template_free(a);
    sl_template_free(b);
    return score.stage2;
}

/* ---- tests ---- */

static void test_learns(void **state)
{
    (void)state;
    char model[512], path[640], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_F32);
    for (int task = SL_TRAIN_H1; task <= SL_TRAIN_H2L; task++) {
        const char *name = sl_train_task_name((unsigned)task);
        sl_train_options o = map_options((sl_train_task)task, model);
        if (task == SL_TRAIN_H2) { /* that it is about same or other is found late */
            o.steps = 200;
            o.rate = 1e-3;
            o.batch = 32;
            o.every = 100;
        }
        sl_trainer *t = open_on(&o, g);
        const double first = mean_loss(t, 8);
        mean_loss(t, (int)o.steps - 16);
        const double last = mean_loss(t, 8);
        if (!(last < (task == SL_TRAIN_H2 ? .94 : .5) * first))
            fail_msg("%s: a loss of %g at the start, %g at the end", name, first, last);
        const sl_train_standing s = sl_trainer_standing(t);
        assert_true(s.judging > 0 && s.best.clean >= s.start.clean && isnan(s.best.covered));
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_ok(sl_trainer_save(t, &(sl_train_output){.output = path}, &err));
        sl_trainer_close(t);
    }
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

/* H1 with the network below it is a recogniser of pictures, for any number of them at once. */
static void test_h1_stands_alone(void **state)
{
    (void)state;
    char model[512], path[640], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_F32);
    const sl_train_options o = map_options(SL_TRAIN_H1, model);
    const sl_plan_options how = {.threads = 1};
    sl_trainer *t = open_on(&o, g);
    snprintf(path, sizeof path, "%s/h1", folder);
    mean_loss(t, 2);
    assert_ok(sl_trainer_save(t, &(sl_train_output){.output = path, .last = 1}, &err));
    sl_trainer_close(t);
    strcat(path, ".json");
    sl_recogniser r;
    sl_plan *one, *three;
    assert_ok(sl_recogniser_open(NULL, path, &r, &err));
    assert_true(r.dim == 64 && r.rows == 4 && r.channels == 64);
    assert_ok(sl_recogniser_compile(&r, 1, &how, &one, &err));
    assert_ok(sl_recogniser_compile(&r, 3, &how, &three, &err));
    const size_t numbers = 3 * SIDE * SIDE;
    fill_random(sl_plan_input(three, 0, NULL), 3 * numbers, 7, -1, 1);
    assert_ok(sl_plan_run(three, &err));
    for (size_t i = 0; i < 3; i++) {
        memcpy(sl_plan_input(one, 0, NULL), sl_plan_input(three, 0, NULL) + i * numbers, numbers * sizeof(float));
        assert_ok(sl_plan_run(one, &err));
        for (size_t d = 0; d < 64; d++)
            assert_true(fabsf(sl_plan_output(one, 0, NULL)[d] - sl_plan_output(three, 0, NULL)[i * 64 + d]) < 1e-4f);
    }
    sl_plan_free(one);
    sl_plan_free(three);
    sl_recogniser_close(&r);
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

/* h2l that begins at the embedding scores as stage 1 does, before it has learned. */
static void test_begins_at_the_embedding(void **state)
{
    (void)state;
    char model[512], path[640], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_F32);
    for (int single = 0; single < 2; single++) {
        sl_train_options o = map_options(SL_TRAIN_H2L, model);
        sl_look *look;
        const float *embeddings;
        o.begin_at_embedding = 1;
        o.single = single;
        o.held_out = 0;
        o.batch_statistics = 0;
        o.rate = 1e-12;
        sl_trainer *t = open_on(&o, g);
        mean_loss(t, 1);
        snprintf(path, sizeof path, "%s/h2l", folder);
        assert_ok(sl_trainer_save(t, &(sl_train_output){.output = path, .last = 1, .replace = 1}, &err));
        sl_trainer_close(t);
        strcat(path, ".json");
        assert_ok(sl_look_open(NULL, path, SL_COMPUTE_F32, &look, &err));
        assert_ok(sl_gallery_embeddings(g, &embeddings, &err));
        for (size_t i = 0; i < 10; i++) {
            double cosine = 0;
            for (int d = 0; d < 32; d++)
                cosine += (double)embeddings[i * 32 + (size_t)d] * embeddings[(i + 7) * 32 + (size_t)d];
            assert_true(fabs(cosine - (double)score_of(look, g, i, i + 7)) < 1e-4);
        }
        sl_look_close(look);
    }
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

static void run_in_parts(sl_train_options o, const sl_gallery *g, const char *run, const int *stops)
{
    o.run = run;
    for (int i = 0; stops[i]; i++) {
        sl_trainer *t = open_on(&o, g);
        mean_loss(t, stops[i]);
        assert_ok(sl_trainer_checkpoint(t, &err));
        sl_trainer_close(t);
        o.resume = 1;
    }
    sl_trainer *t = open_on(&o, g);
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    sl_trainer_close(t);
}

static void test_resumes_bit_for_bit(void **state)
{
    (void)state;
    char model[512], whole[512], parts[512], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_INT8);
    sl_train_options o = map_options(SL_TRAIN_H2L, model);
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(parts, sizeof parts, "%s/parts", folder);
    o.steps = 10;
    o.every = 5;
    o.accumulate = 2;
    o.dropout = .1;
    run_in_parts(o, g, whole, (int[]){0});
    run_in_parts(o, g, parts, (int[]){3, 4, 0});
    assert_same_files(whole, parts, "checkpoint.safetensors");
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

static void expect_refused(const sl_train_options *o, const sl_gallery *g, sl_status status, const char *says)
{
    const sl_train_data data = {.gallery = g};
    sl_trainer *t;
    assert_int_equal(sl_trainer_open(o, &data, NULL, NULL, &t, &err), status);
    assert_null(t);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void test_says_what_it_needs(void **state)
{
    (void)state;
    char model[512], other[512], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_F32);
    const sl_train_options o = map_options(SL_TRAIN_H2L, model);
    expect_refused(&o, NULL, SL_ERR_ARGUMENT, "needs a");
    sl_train_options bad = o;
    bad.loss = SL_LOSS_DISTILL;
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "a margin loss");
    bad = o;
    bad.form = "rotary";
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "not \"rotary\"");
    bad = o;
    bad.begin_at_embedding = 1;
    bad.form = "text";
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "not in the text's form");
    bad = o;
    bad.replicas = 3;
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "multiple of them");
    bad = o;
    bad.most_people = 1;
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "two people");
    bad = o;
    bad.start = model; /* a recogniser */
    expect_refused(&bad, g, SL_ERR_ARGUMENT, "a second look was asked for");
    snprintf(other, sizeof other, "%s/other", folder);
    const sl_new_model_options fresh = {.arch = "tiny", .output = other, .seed = 9};
    assert_ok(sl_model_new(&fresh, &err));
    strcat(other, ".json");
    bad = o;
    bad.model = other;
    expect_refused(&bad, g, SL_ERR_MISMATCH, "is not the model whose maps");
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

/* Fewer people by a hash of their names; they stay in when more are taken. */
static void test_takes_some_people(void **state)
{
    (void)state;
    char model[512], *folder = make_temp_dir();
    options_for(folder, model, sizeof model);
    sl_gallery *g = enrol(model, SL_PATCHES_F32);
    sl_train_options o = map_options(SL_TRAIN_H1, model);
    o.held_out = 0;
    for (o.most_people = 2; o.most_people <= SHAPES + 2; o.most_people++) {
        sl_trainer *t = open_on(&o, g);
        assert_int_equal(sl_trainer_standing(t).people, o.most_people < SHAPES ? o.most_people : SHAPES);
        sl_trainer_close(t);
    }
    sl_gallery_close(g);
    remove_tree(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_h1_stands_alone),
        cmocka_unit_test(test_begins_at_the_embedding),
        cmocka_unit_test(test_resumes_bit_for_bit),
        cmocka_unit_test(test_says_what_it_needs),
        cmocka_unit_test(test_takes_some_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
