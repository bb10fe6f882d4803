/* augment GALLERY RECIPE [SHEET.png [COUNT]]: what an augmentation makes of a gallery's crops, to be looked at (each
 * crop beside what it became, 60 of them), and how long one takes on one core, the decoding of the crop apart. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "image/draw.h"
#include "image/image.h"
#include "train/data/augment.h"
#include "train/data/sampler.h"

enum { COLUMNS = 6, PICTURES = 60, TIMED = 2000, HELD = 256 };

typedef struct {
    sl_image crop;
    sl_point landmarks[68];
    bool has_landmarks;
} sample;

static double processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static sl_status augmented(const sl_augmentation *a, const sample *s, size_t count, uint64_t number, sl_image *clean,
                           sl_image *out, sl_error *err)
{
    const sample *me = &s[number % count], *other = &s[(number * 31 + 7) % count];
    return sl_augment(a, &me->crop, me->has_landmarks ? me->landmarks : NULL, &other->crop, 1, number, clean, out, err);
}

static sl_status draw_sheet(const sl_augmentation *a, const sample *s, size_t count, int pictures, const char *path,
                            sl_error *err)
{
    const int width = s->crop.width, height = s->crop.height, rows = (pictures + COLUMNS - 1) / COLUMNS;
    sl_image sheet;
    SL_TRY(sl_image_new(COLUMNS * (2 * width + 6), rows * (height + 4), 3, &sheet, err));
    sl_status status = SL_OK;
    for (int i = 0; i < pictures && status == SL_OK; i++) {
        sl_image clean, out;
        status = augmented(a, s, count, (uint64_t)i, &clean, &out, err);
        if (status != SL_OK)
            break;
        const int x = i % COLUMNS * (2 * width + 6), y = i / COLUMNS * (height + 4);
        sl_draw_image(&sheet, x, y, &clean);
        sl_draw_image(&sheet, x + width, y, &out);
        sl_image_free(&clean);
        sl_image_free(&out);
    }
    status = status == SL_OK ? sl_image_write(path, &sheet, err) : status;
    sl_image_free(&sheet);
    return status;
}

static sl_status measure(const sl_augmentation *a, const sample *s, size_t count, sl_error *err)
{
    double worst = 0, all = processor_ms();
    for (uint64_t i = 0; i < TIMED; i++) {
        sl_image out;
        const double before = processor_ms();
        SL_TRY(augmented(a, s, count, i, NULL, &out, err));
        const double took = processor_ms() - before;
        worst = took > worst ? took : worst;
        sl_image_free(&out);
    }
    all = (processor_ms() - all) / TIMED;
    printf("%-10s %.3f ms a crop of %d x %d, the slowest of %d %.1f ms\n", a->name, all, s->crop.width, s->crop.height,
           TIMED, worst);
    return SL_OK;
}

static sl_status run(const sl_gallery *g, const sl_augmentation *a, int pictures, const char *sheet, sl_error *err)
{
    static sample samples[HELD];
    const sl_source_filter filter = {.needs = SL_NEED_CROPS};
    sl_source *source;
    SL_TRY(sl_source_of_gallery(g, &filter, &source, err));
    size_t all = sl_source_size(source), count = all < HELD ? all : HELD;
    sl_status status = SL_OK;
    for (size_t i = 0; i < count && status == SL_OK; i++)
        status = sl_source_crop(source, sl_shuffled(1, i, all), &samples[i].crop, samples[i].landmarks,
                                &samples[i].has_landmarks, err);
    sl_source_close(source);
    if (status == SL_OK)
        status = measure(a, samples, count, err);
    if (status == SL_OK && sheet)
        status = draw_sheet(a, samples, count, pictures, sheet, err);
    for (size_t i = 0; i < count; i++)
        sl_image_free(&samples[i].crop);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err;
    sl_gallery *g;
    const sl_augmentation *a = argc > 2 ? sl_augmentation_find(argv[2]) : NULL;
    const int pictures = argc > 4 ? atoi(argv[4]) : PICTURES;
    if (argc < 3 || argc > 5 || !a || pictures < 1 || pictures > 10000) {
        fprintf(stderr, "usage: augment GALLERY none|mirror|covered|rough|worn [SHEET.png [COUNT]]\n");
        return 2;
    }
    sl_status status = sl_gallery_open(argv[1], SL_GALLERY_READ, NULL, &g, &err);
    if (!status) {
        status = run(g, a, pictures, argc > 3 ? argv[3] : NULL, &err);
        sl_gallery_close(g);
    }
    if (status)
        fprintf(stderr, "%s\n", err.text);
    return status ? 1 : 0;
}
