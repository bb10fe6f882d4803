/* Drawn shapes as people, and a tiny network that learns them. */
#ifndef SL_TESTS_DRAWN_SHAPES_H
#define SL_TESTS_DRAWN_SHAPES_H

#include "support.h"

#include <stdbool.h>

#include "secondlook_train.h"

enum { SIDE = 32, SHAPES = 6, PICTURES = 24 * SHAPES };

static inline int shape_of(void *context, size_t i)
{
    (void)context;
    return (int)(i % SHAPES);
}

/* Whether a shape, around (0, 0) and about 1 large, covers a point. */
static inline bool covers(int shape, double x, double y)
{
    const double r = sqrt(x * x + y * y);
    switch (shape) {
    case 0: return r < 1;
    case 1: return fabs(x) < .8 && fabs(y) < .8;
    case 2: return fabs(x) < .3 || fabs(y) < .3;
    case 3: return r < 1 && r > .6;
    case 4: return fabs(x) + fabs(y) < 1;
    default: return fabs(x - y) < .3;
    }
}

static inline sl_status draw(void *context, size_t i, sl_image *out, sl_error *err)
{
    float where[5];
    (void)context;
    (void)err;
    fill_random(where, 5, i + 1, 0, 1);
    *out = (sl_image){SIDE, SIDE, 3, malloc(SIDE * SIDE * 3)};
    const double size = 6 + 6 * (double)where[0], x0 = 12 + 8 * (double)where[1], y0 = 12 + 8 * (double)where[2];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                out->pixels[(y * SIDE + x) * 3 + c] =
                    (uint8_t)(covers(shape_of(NULL, i), (x - x0) / size, (y - y0) / size)
                                  ? 250 - 90 * c * (double)where[3]
                                  : 20 + 60 * (double)where[4]);
    return SL_OK;
}

static const sl_train_data shapes = {.count = PICTURES, .people = SHAPES, .person = shape_of, .crop = draw};

/* A tiny model in `folder`, and options that train it. */
static inline sl_train_options options_for(const char *folder, char *model, size_t size)
{
    sl_error err;
    sl_train_options o;
    snprintf(model, size, "%s/tiny", folder);
    const sl_new_model_options fresh = {.arch = "tiny", .output = model, .seed = 3, .replace = 1};
    assert_ok(sl_model_new(&fresh, &err));
    snprintf(model, size, "%s/tiny.json", folder);
    assert_ok(sl_train_recipe("dissertation", &o, &err));
    o.loss = SL_LOSS_SOFTMAX;
    o.augmentation = "none";
    o.model = model;
    o.rate = .05;
    o.momentum = .9;
    o.batch = 16;
    o.steps = 24;
    o.every = 8;
    o.held_out = 0;
    o.threads = 2;
    return o;
}

static inline uint8_t *file_of(const char *folder, const char *name, size_t *size)
{
    char path[640];
    snprintf(path, sizeof path, "%.511s/%.100s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *data = malloc(1 << 23);
    *size = fread(data, 1, 1 << 23, file);
    fclose(file);
    return data;
}

static inline void assert_same_files(const char *a, const char *b, const char *name)
{
    size_t n, m;
    uint8_t *x = file_of(a, name, &n), *y = file_of(b, name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

#endif
