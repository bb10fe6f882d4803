/* A network that learns to tell drawings apart: from random weights to a model, in seconds.
 *
 * The "people" are 24 flowers: each has its number of petals and its depth of them, and stands here and there, small or
 * large, turned, bright or dark. Some flowers are held out: their pictures search each other before and after.
 *
 *     cc -o train_shapes train_shapes.c $(pkg-config --cflags --libs secondlook) -lm
 *     ./train_shapes FOLDER       makes FOLDER/blank and FOLDER/shapes, models like any other
 */
#define SL_EXPERIMENTAL
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <secondlook_train.h>

enum { SIDE = 32, FLOWERS = 24, PICTURES = 20 * FLOWERS };

static int flower_of(void *context, size_t i) { return (void)context, (int)(i % FLOWERS); }

/* A number in [0, 1) that belongs to picture i. */
static double chance(size_t i, int which) { return fmod(fabs(sin((double)i * 12.99 + which * 78.23)) * 43758.54, 1); }

static sl_status draw(void *context, size_t i, sl_image *out, sl_error *err)
{
    const int petals = 2 + flower_of(context, i) % 6;
    const double depth = .2 + .2 * (flower_of(context, i) / 6), size = 8 + 5 * chance(i, 0);
    const double x0 = 13 + 6 * chance(i, 1), y0 = 13 + 6 * chance(i, 2), turn = 6.28 * chance(i, 3);
    (void)err;
    *out = (sl_image){SIDE, SIDE, 1, malloc(SIDE * SIDE)};
    for (int p = 0; out->pixels && p < SIDE * SIDE; p++) {
        const double x = p % SIDE - x0, y = p / SIDE - y0;
        const int inside = hypot(x, y) < size * (1 - depth * (1 + cos(petals * atan2(y, x) + turn)) / 2);
        out->pixels[p] = (uint8_t)(inside ? 255 - 60 * chance(i, 4) : 20 + 60 * chance(i, 5));
    }
    return out->pixels ? SL_OK : SL_ERR_MEMORY;
}

static int tell(void *context, const sl_train_report *r, uint64_t steps)
{
    if (r->step % 40 == 0)
        printf("step %3d of %d: loss %.3f\n", (int)r->step, (int)steps, r->loss);
    return (void)context, 0;
}

int main(int argc, char **argv)
{
    sl_error err = {0};
    char blank[1024], model[1032], shapes[1024];
    const char *folder = argc > 1 ? argv[1] : ".";
    snprintf(blank, sizeof blank, "%s/blank", folder);
    snprintf(model, sizeof model, "%s.json", blank);
    snprintf(shapes, sizeof shapes, "%s/shapes", folder);

    const sl_new_model_options fresh = {.arch = "tiny", .output = blank, .seed = 1, .replace = 1};
    const sl_train_data data = {.count = PICTURES, .people = FLOWERS, .person = flower_of, .crop = draw};
    const sl_train_output output = {.output = shapes, .replace = 1};
    sl_train_options options;
    sl_trainer *trainer = NULL;
    if (sl_model_new(&fresh, &err) || sl_train_recipe("dissertation", &options, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    options.model = model;
    options.augmentation = "none";
    options.margin = .2;
    options.rate = .05;
    options.momentum = .9;
    options.batch = 32;
    options.steps = 120;
    options.every = 40;
    options.held_out = .3;
    if (sl_trainer_open(&options, &data, NULL, NULL, &trainer, &err) || sl_trainer_run(trainer, tell, NULL, &err) ||
        sl_trainer_save(trainer, &output, &err))
        fprintf(stderr, "%s\n", err.text);
    else {
        const sl_train_standing s = sl_trainer_standing(trainer);
        printf("flowers held out, nearest of the same kind: %.0f %% before, %.0f %% after\n", 100 * s.start.clean,
               100 * s.best.clean);
    }
    sl_trainer_close(trainer);
    return err.status != SL_OK;
}
