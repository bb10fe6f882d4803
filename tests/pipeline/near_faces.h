/* Galleries of made-up templates: faces near the centre of their person. */
#ifndef SL_TESTS_NEAR_FACES_H
#define SL_TESTS_NEAR_FACES_H

#include "support.h"

#include "gallery/gallery.h"
#include "pipeline/engine.h"

enum { DIM = 16, ROWS = 4, COLS = 4, CHANNELS = 256 /* enough for sketches */, FACES = 60, PEOPLE = 20 };

static sl_error err;
static sl_manifest manifest;
static sl_engine_cells no_cells = {.mutex = PTHREAD_MUTEX_INITIALIZER, .read = true};
static sl_engine engine;
static char *dir;

static const sl_template_shape shape = {.fingerprint = {1, 2, 3}, .dim = DIM, .rows = ROWS, .cols = COLS,
                                        .channels = CHANNELS, .format = SL_PATCHES_INT8};

/* A face near its person's centre. */
static sl_template *make_template(int person, uint64_t seed, float spread)
{
    float embedding[DIM], noise[DIM], patches[ROWS * COLS * CHANNELS], patch_noise[ROWS * COLS * CHANNELS];
    fill_random(embedding, DIM, 1000 + (uint64_t)person, -1, 1);
    fill_random(noise, DIM, seed, -spread, spread);
    fill_random(patches, ROWS * COLS * CHANNELS, 2000 + (uint64_t)person, -1, 1);
    fill_random(patch_noise, ROWS * COLS * CHANNELS, seed + 77, -spread, spread);
    for (int i = 0; i < DIM; i++)
        embedding[i] += noise[i];
    for (int i = 0; i < ROWS * COLS * CHANNELS; i++)
        patches[i] += patch_noise[i];
    sl_template *t;
    assert_ok(sl_template_make(&shape, embedding, patches, &t, &err));
    return t;
}

static sl_gallery *make_gallery(const char *name, int faces)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < faces; i++) {
        char image[32], label[32];
        snprintf(image, sizeof image, "p%d/%d.jpg", i % PEOPLE, i);
        snprintf(label, sizeof label, "p%d", i % PEOPLE);
        sl_entry entry = {.label = label, .image = image};
        sl_template *t = make_template(i % PEOPLE, (uint64_t)i, .5f);
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

/* For cmocka_run_group_tests: the engine and the folder. */
static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    manifest.threshold[SL_RERANK_NONE] = .5f;
    manifest.threshold[SL_RERANK_EMD] = .4f;
    manifest.name = (char *)"made-up";
    manifest.file = (char *)"/nowhere/made-up.onnx";
    manifest.threshold[SL_RERANK_OAE] = NAN;
    engine.recogniser.network.manifest = &manifest;
    engine.known = &no_cells;
    engine.models_dir = dir;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

#endif
