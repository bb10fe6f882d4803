/* What the second look does, shown on two drawings instead of two faces.
 *
 * The same shapes lie in other places in the second drawing, and a card covers a part of the first. Each drawing
 * is cut into 8 x 8 patches, each patch is described by its colours, and the picture shows how the first drawing
 * can be put together from patches of the second: shapes are found where they went, and hardly anything flows to
 * the card.
 *
 *     cc -o flow_of_shapes flow_of_shapes.c $(pkg-config --cflags --libs secondlook) -lm
 *     ./flow_of_shapes flow.png
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <secondlook.h>

enum { SIDE = 256, GRID = 8, CELL = SIDE / GRID, PARTS = 4, CHANNELS = PARTS * PARTS * 3 + 1, SAMPLES = 4 };

typedef enum { DISC, RING, SQUARE, TRIANGLE, DIAMOND, CARD } kind;

typedef struct {
    kind kind;
    float x, y; /* middle, in patches */
    float size; /* half of it, in patches */
    float colour[3];
} shape;

static const float paper[3] = {209, 203, 190};

static const shape first[] = {
    {DISC, 2, 2, .95f, {214, 64, 48}},    {TRIANGLE, 5, 2, .95f, {36, 122, 92}},
    {RING, 2, 5, .95f, {30, 84, 150}},    {SQUARE, 5, 5, .8f, {226, 150, 30}},
    {DIAMOND, 7, 7, .9f, {122, 72, 148}}, {CARD, 3.75f, 6.2f, 1.75f, {252, 252, 250}},
};
static const shape second[] = {
    {DISC, 6, 6, .95f, {214, 64, 48}},   {TRIANGLE, 2, 5, .95f, {36, 122, 92}}, {RING, 6, 2, .95f, {30, 84, 150}},
    {SQUARE, 3, 2, .8f, {226, 150, 30}}, {DIAMOND, 4, 7, .9f, {122, 72, 148}},
};

static int is_inside(const shape *s, float x, float y)
{
    float dx = (x - s->x) / s->size, dy = (y - s->y) / s->size, r = sqrtf(dx * dx + dy * dy);
    switch (s->kind) {
    case DISC: return r <= 1;
    case RING: return r <= 1 && r >= .52f;
    case SQUARE: return fabsf(dx) <= 1 && fabsf(dy) <= 1;
    case TRIANGLE: return dy <= .8f && fabsf(dx) * 1.8f <= dy + 1;
    case DIAMOND: return fabsf(dx) + fabsf(dy) <= 1;
    case CARD: return fabsf(dx) <= 1 && fabsf(dy) <= .5f;
    }
    return 0;
}

/* Each pixel is the mean of SAMPLES x SAMPLES points; later shapes lie over earlier ones. */
static void draw(const shape *shapes, int count, uint8_t *pixels)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        float sum[3] = {0};
        for (int k = 0; k < SAMPLES * SAMPLES; k++) {
            float x = ((float)(i % SIDE) + (k % SAMPLES + .5f) / SAMPLES) / CELL;
            float y = ((float)(i / SIDE) + ((float)(k / SAMPLES) + .5f) / SAMPLES) / CELL;
            const float *colour = paper;
            for (int s = 0; s < count; s++)
                if (is_inside(&shapes[s], x, y))
                    colour = shapes[s].colour;
            for (int c = 0; c < 3; c++)
                sum[c] += colour[c] / (SAMPLES * SAMPLES);
        }
        for (int c = 0; c < 3; c++)
            pixels[i * 3 + c] = (uint8_t)lrintf(sum[c]);
    }
}

/* A patch is described by the mean colours of its PARTS x PARTS parts, as differences from the paper, and by a
 * small constant, which is all that is left of plain paper. */
static void describe(const uint8_t *pixels, float *patches)
{
    const int part = CELL / PARTS;
    for (int p = 0; p < GRID * GRID; p++) {
        float *out = patches + p * CHANNELS;
        for (int i = 0; i < CELL * CELL; i++) {
            int x = i % CELL, y = i / CELL;
            const uint8_t *rgb = pixels + ((p / GRID * CELL + y) * SIDE + p % GRID * CELL + x) * 3;
            for (int c = 0; c < 3; c++)
                out[(y / part * PARTS + x / part) * 3 + c] += (rgb[c] - paper[c]) / (float)(part * part);
        }
        out[CHANNELS - 1] = 40;
    }
}

static sl_template *template_of(const uint8_t *pixels, sl_error *err)
{
    sl_template *t = NULL;
    float *patches = calloc(GRID * GRID * CHANNELS, sizeof *patches);
    if (!patches)
        exit(1);
    describe(pixels, patches);
    sl_template_of_arrays(patches, GRID * GRID * CHANNELS, patches, GRID, GRID, CHANNELS, &t, err);
    free(patches);
    return t;
}

int main(int argc, char **argv)
{
    static uint8_t pixels[2][SIDE * SIDE * 3];
    draw(first, sizeof first / sizeof *first, pixels[0]);
    draw(second, sizeof second / sizeof *second, pixels[1]);
    const sl_image query = {SIDE, SIDE, 3, pixels[0]}, other = {SIDE, SIDE, 3, pixels[1]};

    sl_error err = {0};
    sl_image picture = {0};
    sl_template *a = template_of(pixels[0], &err), *b = a ? template_of(pixels[1], &err) : NULL;
    const sl_pair pair = {.query = a, .other = b, .query_crop = &query, .other_crop = &other,
                          .query_name = "some shapes, a card over them", .other_name = "the same shapes elsewhere"};
    int failed = !a || !b || sl_draw_pair(&pair, NULL, &picture, &err) ||
                 sl_image_write(argc > 1 ? argv[1] : "flow.png", &picture, &err);
    if (failed)
        fprintf(stderr, "flow_of_shapes: %s\n", err.text);
    sl_image_free(&picture);
    sl_template_free(a);
    sl_template_free(b);
    return failed;
}
