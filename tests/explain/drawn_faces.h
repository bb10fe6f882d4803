/* Faces that nobody has: drawn from a few numbers, described by the colours and edges in each cell. */
#ifndef SL_TESTS_DRAWN_FACES_H
#define SL_TESTS_DRAWN_FACES_H

#include <stdbool.h>

#include "support.h"

#include "gallery/gallery.h"
#include "image/draw.h"
#include "image/image.h"

enum { DRAWN_CHANNELS = 15 };

static sl_colour drawn_colour(float *dice, int at, int low, int high)
{
    return (sl_colour){(uint8_t)(low + dice[at] * (high - low)), (uint8_t)(low + dice[at + 1] * (high - low)),
                       (uint8_t)(low + dice[at + 2] * (high - low))};
}

static void drawn_disc(sl_image *image, float x, float y, float radius, sl_colour colour)
{
    float w = (float)image->width, h = (float)image->height;
    sl_draw_disc(image, (sl_point){x * w, y * h}, radius * w, colour, 1);
}

/* Person `seed`, in a pose of `jitter`, with a mask over mouth and nose where asked. */
static inline void draw_face(int seed, float jitter, bool mask, int width, int height, sl_image *out)
{
    sl_error err;
    float dice[24];
    fill_random(dice, 24, (uint64_t)seed + 11, 0, 1);
    assert_ok(sl_image_new(width, height, 3, out, &err));
    sl_draw_fill(out, 0, 0, width, height, drawn_colour(dice, 0, 90, 190));
    float tone = .45f + .5f * dice[3], x = .5f + jitter;
    sl_colour skin = {(uint8_t)(250 * tone), (uint8_t)(205 * tone), (uint8_t)(175 * tone)};
    sl_colour hair = {(uint8_t)(150 * dice[4]), (uint8_t)(95 * dice[4]), (uint8_t)(50 * dice[5])};
    sl_colour iris = drawn_colour(dice, 6, 30, 140), lip = {(uint8_t)(150 + 80 * dice[9]), 60, 70};
    drawn_disc(out, x, .42f, .46f, hair);
    drawn_disc(out, x, .58f, .36f + .05f * dice[10], skin);
    drawn_disc(out, x, .42f, .33f, skin);
    float apart = .15f + .04f * dice[11], eyes = .45f + .03f * dice[12];
    for (int side = -1; side <= 1; side += 2) {
        drawn_disc(out, x + side * apart, eyes, .07f, (sl_colour){245, 245, 242});
        drawn_disc(out, x + side * apart, eyes, .038f + .01f * dice[13], iris);
        sl_point from = {(x + side * apart - .08f) * width, (eyes - .11f) * height};
        sl_point to = {(x + side * apart + .08f) * width, (eyes - .11f - .03f * dice[14]) * height};
        sl_draw_line(out, from, to, .03f * width, hair, 1);
    }
    sl_draw_line(out, (sl_point){x * width, .5f * height}, (sl_point){(x + .02f) * width, .64f * height},
                 .03f * width,
                 (sl_colour){(uint8_t)(skin.r * .8), (uint8_t)(skin.g * .75), (uint8_t)(skin.b * .75)}, 1);
    sl_draw_line(out, (sl_point){(x - .12f) * width, .77f * height}, (sl_point){(x + .12f) * width, .77f * height},
                 (.03f + .04f * dice[15]) * width, lip, 1);
    if (mask)
        sl_draw_fill(out, (int)((x - .37f) * width), (int)(.6f * height), (int)(.74f * width),
                     (int)(.34f * height), (sl_colour){120, 180, 215});
}

/* Mean colour of each quarter of a cell, and its edges across and down: [rows * cols, DRAWN_CHANNELS]. */
static inline void describe_cells(const sl_image *image, int rows, int cols, float *out)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            float *cell = out + (size_t)(r * cols + c) * DRAWN_CHANNELS, count[4] = {0};
            memset(cell, 0, DRAWN_CHANNELS * sizeof *cell);
            int y0 = r * image->height / rows, y1 = (r + 1) * image->height / rows;
            int x0 = c * image->width / cols, x1 = (c + 1) * image->width / cols;
            for (int y = y0; y < y1; y++)
                for (int x = x0; x < x1; x++) {
                    int quarter = 2 * (2 * (y - y0) >= y1 - y0) + (2 * (x - x0) >= x1 - x0);
                    const uint8_t *p = image->pixels + ((size_t)y * image->width + x) * 3;
                    for (int k = 0; k < 3; k++)
                        cell[quarter * 3 + k] += p[k] / 128.f - 1;
                    count[quarter]++;
                    if (x + 1 < x1)
                        cell[12] += fabsf(p[4] - (float)p[1]) / 4096;
                    if (y + 1 < y1)
                        cell[13] += fabsf(p[(size_t)image->width * 3 + 1] - (float)p[1]) / 4096;
                }
            for (int k = 0; k < 12; k++)
                cell[k] /= count[k / 3] > 0 ? count[k / 3] : 1;
            cell[14] = .2f;
        }
}

/* A template whose embedding is its patches laid end to end. */
static inline sl_template *template_of_drawing(const sl_image *image, int rows, int cols)
{
    sl_error err;
    sl_template *t;
    float *patches = malloc((size_t)rows * cols * DRAWN_CHANNELS * sizeof *patches);
    describe_cells(image, rows, cols, patches);
    assert_ok(sl_template_of_arrays(patches, rows * cols * DRAWN_CHANNELS, patches, rows, cols, DRAWN_CHANNELS, &t,
                                    &err));
    free(patches);
    return t;
}

/* A gallery in `dir` of drawn people, one face each; the crop of every person whose number is `without` modulo 4
 * is not kept. */
static inline sl_gallery *gallery_of_drawings(const char *dir, int people, int without, int rows, int cols,
                                              int width, int height)
{
    sl_error err;
    sl_gallery *gallery;
    sl_template_shape shape = {.dim = rows * cols * DRAWN_CHANNELS,
                               .rows = rows,
                               .cols = cols,
                               .channels = DRAWN_CHANNELS,
                               .format = SL_PATCHES_F32};
    assert_ok(sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &shape, "drawn-faces", &gallery, &err));
    for (int i = 0; i < people; i++) {
        char label[64], id[80];
        snprintf(label, sizeof label, "Person_%02d", i);
        snprintf(id, sizeof id, "%s/photo_1.png", label);
        sl_image face;
        draw_face(i, 0, false, width, height, &face);
        sl_template *t = template_of_drawing(&face, rows, cols);
        sl_entry entry = {.label = label, .image = id, .quality = {1, 1, 1, 1, 1}};
        assert_ok(sl_gallery_add(gallery, &entry, t, i % 4 == without ? NULL : &face, &err));
        sl_template_free(t);
        sl_image_free(&face);
    }
    assert_ok(sl_gallery_commit(gallery, &err));
    return gallery;
}

/* An answer by comparing with every face of the gallery; both orders by insertion. */
static inline void answer_by_comparing(const sl_gallery *gallery, const sl_template *query,
                                       const sl_match_options *match, float threshold, size_t top, sl_answer *out)
{
    sl_error err;
    size_t n = sl_gallery_size(gallery);
    *out = (sl_answer){.match = *match, .rule = sl_rule_given(threshold, 0), .threshold = threshold, .hidden = NAN};
    sl_candidate *lists[2];
    for (int stage = 0; stage < 2; stage++) {
        sl_candidate *list = lists[stage] = calloc(n + 1, sizeof *list);
        for (size_t i = 0; i < n; i++) {
            sl_template *other;
            sl_entry entry;
            sl_score score;
            assert_ok(sl_gallery_template(gallery, i, &other, &err));
            assert_ok(sl_gallery_entry(gallery, i, &entry, &err));
            assert_ok(sl_compare(query, other, match, &score, &err));
            sl_template_free(other);
            float key = stage ? score.score : score.stage1;
            size_t at = i;
            for (; at > 0 && (stage ? list[at - 1].score : list[at - 1].stage1) < key; at--)
                list[at] = list[at - 1];
            list[at] = (sl_candidate){.entry = i,
                                      .label = entry.label,
                                      .image = entry.image,
                                      .score = score.score,
                                      .stage1 = score.stage1,
                                      .stage2 = score.stage2};
        }
        for (size_t i = 0; i < n; i++)
            list[i].rank = (int)i + 1;
    }
    out->stage1_candidates = lists[0];
    out->candidates = lists[1];
    out->count = out->stage1_count = n < top ? n : top;
    out->decision = n && lists[1][0].score >= threshold ? SL_MATCH : SL_UNKNOWN;
}

static inline void free_answer(sl_answer *answer)
{
    free(answer->candidates);
    free(answer->stage1_candidates);
}

/* Writes the picture into $SL_KEEP_PICTURES, where that is set, for a person to look at. */
static inline void keep_picture(const char *name, const sl_image *image)
{
    sl_error err;
    char path[512];
    const char *dir = getenv("SL_KEEP_PICTURES");
    if (!dir)
        return;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(sl_image_write(path, image, &err));
}

#endif
