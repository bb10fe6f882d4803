/* A made-up model with a linear head, its faces, and contributions in double straight from their definition. */
#ifndef SL_TESTS_MATCH_LINEAR_MODEL_H
#define SL_TESTS_MATCH_LINEAR_MODEL_H

#include "support.h"

#include "gallery/gallery.h"
#include "match/oae/contributions.h"

enum { ROWS = 3, COLS = 4, CELLS = ROWS * COLS, CHANNELS = 10, DIM = 40 };

static sl_error err;
static const sl_template_shape shape = {.fingerprint = {9, 8, 7}, .dim = DIM, .rows = ROWS, .cols = COLS,
                                        .channels = CHANNELS, .format = SL_PATCHES_INT8};

static inline sl_head make_head(void)
{
    sl_head h = {.cells = CELLS, .channels = CHANNELS, .dim = DIM, .blocks = 2};
    float w[DIM];
    h.weights = calloc((size_t)h.blocks * CELLS * CHANNELS * SL_HEAD_COLUMNS, sizeof(float));
    h.bias = malloc(DIM * sizeof(float));
    fill_random(h.bias, DIM, 1, -1, 1);
    for (int p = 0; p < CELLS; p++)
        for (int c = 0; c < CHANNELS; c++) {
            fill_random(w, DIM, (uint64_t)(100 + p * CHANNELS + c), -1, 1);
            for (int d = 0; d < DIM; d++)
                sl_head_weights(&h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS] = w[d];
        }
    return h;
}

static inline sl_template *make_face(uint64_t seed)
{
    float patches[CELLS * CHANNELS], embedding[DIM];
    sl_template *t;
    fill_random(patches, CELLS * CHANNELS, seed, 0, 1 + (float)(seed % 5));
    fill_random(embedding, DIM, seed, -1, 1);
    assert_ok(sl_template_make(&shape, embedding, patches, &t, &err));
    return t;
}

/* Contributions in double, straight from the definition. */
static inline void slow_contributions(const sl_head *h, const sl_template *t, double *y)
{
    for (int p = 0; p < CELLS; p++)
        for (int d = 0; d < DIM; d++) {
            double sum = h->bias[d] / CELLS;
            for (int c = 0; c < CHANNELS; c++)
                sum += (double)t->patch_scales[p] * t->patches_i8[p * CHANNELS + c] *
                       sl_head_weights(h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS];
            y[p * DIM + d] = sum;
        }
}

static inline sl_gallery *make_gallery(const char *dir, int faces)
{
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    for (int i = 0; i < faces; i++) {
        char image[32];
        snprintf(image, sizeof image, "%d.jpg", i);
        sl_entry entry = {.label = image, .image = image};
        sl_template *t = make_face((uint64_t)i + 1);
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
        sl_template_free(t);
    }
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

#endif
